"""Things of one dataset looked for by things of another, without a text between: sound and photo.

Nobody labelled pairs of them. A table of words says which captions name what a label means, so a
photo answers a sound if one of its captions holds a word of the sound's label.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrieval import metrics
from retrieval.encoders.base import Vectors
from retrieval.encoders.registry import LoadedBundle
from retrieval.evaluation.cases import Flags
from retrieval.evaluation.datasets import Dataset, DatasetError
from retrieval.evaluation.run import Progress, media_encode

# For the classes of ESC-50.
WORDS = Path(__file__).parents[1] / "alignment" / "sound_photo_words.toml"
FIRST = 5  # hits looked at

Words = Mapping[str, Sequence[str]]


def words_read(path: Path = WORDS) -> Words:
    """Label to words in captions, from the table ``words`` of a TOML file.

    Raises:
        DatasetError: the file is not such a table.
    """
    try:
        found: Words = tomllib.loads(path.read_text(encoding="utf-8"))["words"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise DatasetError("the words cannot be read: a TOML file with a table words") from error
    return found


def named(labels: Sequence[str], said: Sequence[str], words: Words) -> Flags:
    """(labels, texts): whether a text holds a word of the label, as a whole word."""
    held = [set(re.findall(r"[a-z]+", text.lower())) for text in said]
    wanted = [set(words.get(label, ())) for label in labels]
    return np.array([[bool(mine & have) for have in held] for mine in wanted])


def precision_figures(queries: Vectors, targets: Vectors, right: Flags) -> dict[str, Any]:
    """Precision of the first hits and what chance gives, over queries that have an answer.

    ``right`` is (queries, targets). Chance is the share of right targets, averaged likewise.
    """
    asked = right.any(1)
    if not asked.any():
        return {"queries": 0, "targets": len(targets)}
    hits = metrics.ranked(queries[asked] @ targets.T, right[asked])
    found, chance = metrics.precision_at(hits, FIRST), float(right[asked].mean())
    return {
        "queries": len(hits),
        "targets": len(targets),
        f"precision@{FIRST}": round(found, 4),
        "chance": round(chance, 4),
        "times_chance": round(found / chance, 2),
    }


def across(
    bundle: LoadedBundle,
    labelled: Dataset,
    captioned: Dataset,
    *,
    words: Words,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Files of ``labelled`` as queries for those of ``captioned``, and the other way round.

    Raises:
        DatasetError: one has no labels or the other no captions, they are of one modality, or the
            bundle has no tower for one of them.
    """
    if not labelled.labels or not captioned.captions:
        raise DatasetError("the first dataset needs labels, the second one captions")
    mine, theirs = labelled.modality, captioned.modality
    if mine == theirs or not {mine, theirs} <= set(bundle.towers):
        raise DatasetError("two datasets of different modalities, both with a tower, are needed")
    label = dict(labelled.labels)
    said: dict[str, list[str]] = {file: [] for file in captioned.files}
    for file, caption in captioned.captions:
        said[file].append(caption)
    right = named(
        [label[file] for file in labelled.files], [" ".join(each) for each in said.values()], words
    )
    first, second = (media_encode(bundle, one, progress) for one in (labelled, captioned))
    return {
        "dataset": labelled.name,
        "targets": captioned.name,
        "model": bundle.manifest.ref,
        "pairs": {
            f"{mine}-{theirs}": precision_figures(first, second, right),
            f"{theirs}-{mine}": precision_figures(second, first, right.T),
        },
    }
