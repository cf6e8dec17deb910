"""Queries and targets with which of them are right: what every figure is counted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.calibration import words_in
from retrieval.encoders.base import Vectors, unit_rows
from retrieval.evaluation.datasets import Dataset

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
Numbers32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Things:
    """Vectors of n things, each of one or more parts (the windows of a sound, chunks of a text).

    ``parts`` is float32 (p, d) with unit rows; ``owner`` (p,) ascends from 0 to n - 1 and says
    whose each part is.
    """

    parts: Vectors
    owner: Places

    @classmethod
    def single(cls, vectors: Vectors) -> Things:
        """Things of one part each."""
        return cls(vectors, np.arange(len(vectors)))

    @classmethod
    def of(cls, each: Sequence[Vectors]) -> Things:
        """Things whose parts are ``each[i]`` (p_i, d), none of them empty."""
        lengths = [len(part) for part in each]
        return cls(np.concatenate(list(each)), np.repeat(np.arange(len(each)), lengths))

    def __len__(self) -> int:
        return int(self.owner[-1]) + 1 if len(self.owner) else 0

    def nearest(self, queries: Vectors) -> Numbers32:
        """Cosine of each of ``queries`` (n, d) to the best part of each thing: (n, things)."""
        first = np.flatnonzero(np.diff(self.owner, prepend=-1))
        found: Numbers32 = np.maximum.reduceat(queries @ self.parts.T, first, axis=1)
        return found

    @property
    def whole(self) -> Vectors:
        """One unit vector a thing, as a search by it is made: the normalised sum (n, d)."""
        sums = np.zeros((len(self), self.parts.shape[1]), np.float32)
        np.add.at(sums, self.owner, self.parts)
        return unit_rows(sums)


@dataclass(frozen=True)
class Case:
    """Queries (n, d) against m things, with which of them are right (n, m).

    ``groups`` (n,) says which queries are about one thing and so say less than as many others.
    ``itself``: the queries are the things themselves, in order. ``words`` (n,): how many words each
    query has; empty where they have none.
    """

    asked: str
    target: str
    queries: Vectors
    targets: Things
    right: Flags
    groups: Places
    itself: bool = False
    words: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """``text-image`` for texts that look for pictures."""
        return f"{self.asked}-{self.target}"

    @property
    def similarities(self) -> Numbers32:
        """Cosine of each query to the best part of each thing (n, m).

        A thing is never its own answer: its similarity to itself is given as -2.
        """
        found = self.targets.nearest(self.queries)
        if self.itself:
            np.fill_diagonal(found, -2.0)
        return found


def queries_of(dataset: Dataset) -> list[str]:
    """What is asked in words: the captions, or the labels as words."""
    if dataset.captions:
        return [caption for _, caption in dataset.captions]
    return [label_words(name) for name in label_names(dataset)]


def caption_cases(dataset: Dataset, said: Vectors, media: Things) -> list[Case]:
    """Captions as queries for files, and files as queries for captions.

    ``said`` (captions, d) in order of ``dataset.captions``, ``media`` in order of its files.
    """
    place = {file: i for i, file in enumerate(dataset.files)}
    own = np.array([place[file] for file, _ in dataset.captions], dtype=np.int64)
    right = own[:, None] == np.arange(len(media))[None]
    kind, files = dataset.modality, np.arange(len(media))
    return [
        Case(
            "text",
            kind,
            said,
            media,
            right,
            own,
            words=tuple(words_in(caption) for _, caption in dataset.captions),
        ),
        Case(kind, "text", media.whole, Things.single(said), right.T, files),
    ]


def label_names(dataset: Dataset) -> list[str]:
    """The dataset's labels, sorted; as words they are the queries of ``label_cases``."""
    return sorted({label for _, label in dataset.labels})


def label_words(label: str) -> str:
    """``clock_tick`` as somebody would ask for it."""
    return label.replace("_", " ")


def label_cases(dataset: Dataset, said: Vectors, media: Things) -> list[Case]:
    """Labels as queries for files, files as queries for labels, files for files of their label.

    ``said`` (labels, d) in order of ``label_names``.
    """
    names = {name: i for i, name in enumerate(label_names(dataset))}
    place = {file: i for i, file in enumerate(dataset.files)}
    right = np.zeros((len(names), len(media)), dtype=bool)
    for file, label in dataset.labels:
        right[names[label], place[file]] = True
    same = right.T.astype(int) @ right.astype(int) > 0
    np.fill_diagonal(same, val=False)
    kind, files = dataset.modality, np.arange(len(media))
    return [
        Case(
            "text",
            kind,
            said,
            media,
            right,
            np.arange(len(names)),
            words=tuple(words_in(label_words(name)) for name in names),
        ),
        Case(kind, "text", media.whole, Things.single(said), right.T, files),
        Case(kind, kind, media.whole, media, same, files, itself=True),
    ]
