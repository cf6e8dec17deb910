"""Things that are asked or found when a calibration is fitted, and which answers which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from retrieval.alignment.calibration_texts import content_words
from retrieval.calibration import words_in
from retrieval.encoders.base import Vectors

Answers = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Things:
    """Vectors (n, d) of one modality; ``topic`` (n,) words that say what belongs together.

    ``words`` (n,): what is said of each, or what it says. ``keys``: of queries of a few words, the
    words that an answer has to hold.
    """

    vectors: Vectors
    topic: list[str]
    words: list[str]
    keys: tuple[frozenset[str], ...] = ()

    @classmethod
    def of_texts(cls, texts: Sequence[str], vectors: Vectors) -> Things:
        """Texts that belong to nothing else."""
        return cls(vectors, [f"text {one}" for one in texts], list(texts))

    @classmethod
    def unnamed(cls, vectors: Vectors) -> Things:
        """Things that nothing is said of."""
        return cls(vectors, [f"unnamed {i}" for i in range(len(vectors))], [""] * len(vectors))

    def __len__(self) -> int:
        return len(self.topic)

    @property
    def counts(self) -> list[int]:
        """How many words each has."""
        return [words_in(text) for text in self.words]

    @property
    def groups(self) -> list[int]:
        """A number for each topic, the same for the same topic anywhere."""
        return [crc32(topic.encode()) for topic in self.topic]

    def only(self, rows: Sequence[int]) -> Things:
        """Those of ``rows``."""
        return Things(
            self.vectors[list(rows)],
            [self.topic[i] for i in rows],
            [self.words[i] for i in rows],
            tuple(self.keys[i] for i in rows) if self.keys else (),
        )

    def joined(self, *others: Things) -> Things:
        """This and others, without keys."""
        every = (self, *others)
        return Things(
            np.concatenate([one.vectors for one in every]),
            [topic for one in every for topic in one.topic],
            [text for one in every for text in one.words],
        )


def right_answers(queries: Things, gallery: Things) -> Answers:
    """(queries, gallery): same topic, or, for a query of a few words, one that holds them all."""
    number = {topic: at for at, topic in enumerate(dict.fromkeys((*queries.topic, *gallery.topic)))}
    asked, found = (np.array([number[t] for t in one.topic]) for one in (queries, gallery))
    right: Answers = asked[:, None] == found[None]
    if queries.keys:
        held = [set(content_words(text)) for text in gallery.words]
        right |= np.array([[bool(key) and key <= have for have in held] for key in queries.keys])
    return right
