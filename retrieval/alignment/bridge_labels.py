"""Labelled things of two modalities as right answers to one another."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.evaluation.datasets import Dataset

Words = Mapping[str, Sequence[str]]
SOUND_PHOTO_WORDS = Path(__file__).with_name("sound_photo_words.toml")


def words_read(path: Path) -> dict[str, list[str]]:
    """Label to words, of a TOML file with a table ``words``.

    Raises:
        ValueError: it is not such a file.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8")).get("words")
    if not isinstance(table, dict) or not all(isinstance(row, list) for row in table.values()):
        raise ValueError("the file holds no table of words")
    return {str(label): [str(word).lower() for word in row] for label, row in table.items()}


def spoken_words(text: str) -> frozenset[str]:
    """The words of a text, lower case."""
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def said_of(dataset: Dataset) -> list[str]:
    """All captions, or the labels, of each file of a dataset, joined; in order of its files."""
    said: dict[str, list[str]] = {file: [] for file in dataset.files}
    for file, text in (*dataset.captions, *dataset.labels):
        said[file].append(text)
    return [" ".join(texts) for texts in said.values()]


def answers(queries: Dataset, gallery: Dataset, words: Words) -> npt.NDArray[np.bool_]:
    """Which file of ``gallery`` is a right answer to which of ``queries``: (queries, gallery).

    Two labels answer one another if they are the same. A label and a caption do if the caption
    holds one of the label's ``words``, or, for a label without any, all words of the label itself.

    Raises:
        ValueError: both datasets have captions and neither has labels.
    """
    if queries.captions and gallery.captions:
        raise ValueError("one of the two datasets must have labels")
    if gallery.captions:
        return _mentioned(said_of(queries), said_of(gallery), words)
    if queries.captions:
        return _mentioned(said_of(gallery), said_of(queries), words).T
    ours, theirs = ([said.lower() for said in said_of(d)] for d in (queries, gallery))
    return np.array([[a == b for b in theirs] for a in ours])


def _mentioned(
    labels: Sequence[str], captions: Sequence[str], words: Words
) -> npt.NDArray[np.bool_]:
    said = [spoken_words(caption) for caption in captions]
    rows: dict[str, list[bool]] = {}
    for label in set(labels):
        if label in words:
            rows[label] = [bool(have & set(words[label])) for have in said]
        else:
            own = spoken_words(label)
            rows[label] = [bool(own) and own <= have for have in said]
    return np.array([rows[label] for label in labels])
