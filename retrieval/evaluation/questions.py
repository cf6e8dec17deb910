"""Questions with their answers among stored assets, as a steward writes them down. No Django."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from retrieval.evaluation.datasets import DatasetError


@dataclass(frozen=True)
class Question:
    """What would be asked, and the ids of the assets that answer it."""

    text: str
    answers: frozenset[UUID]


def questions_read(text: str) -> list[Question]:
    """The questions of a CSV with the columns ``query`` and ``asset``, one answer a row.

    Rows with the same query are one question.

    Raises:
        DatasetError: a column is missing, an id is none, or there is no row.
    """
    reader = csv.DictReader(io.StringIO(text))
    if not {"query", "asset"} <= set(reader.fieldnames or ()):
        raise DatasetError("the file of questions needs the columns query and asset")
    try:
        pairs = [(row["query"].strip(), UUID(row["asset"].strip())) for row in reader]
    except (ValueError, AttributeError) as error:
        raise DatasetError("a row of the file of questions does not name an asset by id") from error
    found = questions_grouped((asked, asset) for asked, asset in pairs if asked)
    if not found:
        raise DatasetError("the file of questions has no row")
    return found


def questions_grouped(pairs: Iterable[tuple[str, UUID]]) -> list[Question]:
    """One question for each distinct text, with all its answers, in order of first mention."""
    answers: dict[str, set[UUID]] = {}
    for asked, asset in pairs:
        answers.setdefault(asked, set()).add(asset)
    return [Question(asked, frozenset(assets)) for asked, assets in answers.items()]
