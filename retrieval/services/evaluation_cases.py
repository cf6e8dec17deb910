"""Single failures of a run: kept with it, forgotten with the assets they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from retrieval import scope
from retrieval.evaluation.failures import CaseRecord
from retrieval.evaluation_models import EvaluationCase
from retrieval.models import EvaluationRun

# Words in a record's body. They stay only where the data are public.
_WORDS = ("words", "words_by")


def cases_store(run: EvaluationRun, records: Sequence[CaseRecord]) -> None:
    """Keeps ``records`` with ``run``, in the caller's transaction. Opens the appliance's scope.

    Words are left out of everything but public data: what a collection's queries said is found
    again through its labelled queries, as long as those are kept.
    """
    public = run.collection_id is None and not run.own_data
    place: Counter[tuple[str, str]] = Counter()
    rows = []
    for record in records:
        place[record.kind, record.pair] += 1
        rows.append(
            EvaluationCase(
                run=run,
                collection_id=run.collection_id,
                kind=record.kind,
                pair=record.pair,
                position=place[record.kind, record.pair],
                body=record.body if public else _wordless(record.body),
                assets=_ids(record.ids) if run.collection_id is not None else [],
            )
        )
    with scope.system():
        EvaluationCase.objects.bulk_create(rows)


def cases_forget(*, asset_id: UUID) -> None:
    """Removes the cases that name an asset. In the caller's scope."""
    EvaluationCase.objects.filter(assets__contains=[asset_id]).delete()


def _wordless(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in _WORDS}


def _ids(names: Sequence[str]) -> list[UUID]:
    return [UUID(name) for name in names]
