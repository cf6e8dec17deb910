"""How well the tagger alone does on what was held out; structured recognisers come on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from retrieval.redaction.ner import decode
from retrieval.redaction.ner.tagger import LABELS, NUMBER, PROBABILITIES
from retrieval.redaction.ner.training import packs

if TYPE_CHECKING:
    from pathlib import Path

    from spacy.language import Language

_LEVEL: Final = 0.3
_F2: Final = 4.0
NUMBER_COLUMN: Final = LABELS.index(NUMBER)


@dataclass(frozen=True)
class Held:
    """Held-out rows as they were."""

    presidio: list[dict[str, Any]]
    tweets: list[list[tuple[str, str]]]

    @classmethod
    def of(cls, folder: Path) -> Held:
        """The held-out part of the packs in ``folder``."""
        return cls(packs.presidio(folder)[2], packs.tweets(folder)[1])


@dataclass(frozen=True)
class Figures:
    """Shares in 0..1."""

    f2: float
    person: float
    tweets: float
    masked: float

    @property
    def score(self) -> float:
        """What the best model is chosen by: training goes on until time is up, so the last wins."""
        return self.f2 + self.person + self.tweets


def line(figures: Figures) -> str:
    """For the log."""
    return (
        f"F2 {figures.f2:.3f} person {figures.person:.3f} "
        f"tweets {figures.tweets:.3f} masked {figures.masked:.3f}"
    )


def covered(nlp: Language, texts: list[str], level: float = _LEVEL) -> list[np.ndarray]:  # type: ignore[type-arg]
    """For each text a mask of characters that would be taken out."""
    masks = []
    for doc in nlp.pipe(texts):
        probabilities = doc.user_data[PROBABILITIES]
        mask = np.zeros(len(doc.text), dtype=bool)
        for span in decode.spans_of(doc):
            if span.score >= level:
                mask[span.start : span.end] = True
        # What structured recognisers find is not the tagger's: taken as found here.
        for word, row in zip(doc, probabilities, strict=True):
            if row.argmax() == NUMBER_COLUMN:
                mask[word.idx : word.idx + len(word.text)] = True
        masks.append(mask)
    return masks


def figures(nlp: Language, held: Held) -> Figures:
    """Figures on held-out templates and tweets at the usual level."""
    f2, person = _presidio(nlp, held.presidio)
    found, masked = _tweets(nlp, held.tweets)
    return Figures(f2, person, found, masked)


def _presidio(nlp: Language, rows: list[dict[str, Any]]) -> tuple[float, float]:
    hit = gold = taken = persons = whole = 0
    masks = covered(nlp, [row["full_text"] for row in rows])
    for row, mask in zip(rows, masks, strict=True):
        counts = np.array([c.isalnum() for c in row["full_text"]])
        wanted = np.zeros(len(mask), dtype=bool)
        for span in row["spans"]:
            start, end = span["start_position"], span["end_position"]
            wanted[start:end] = True
            if span["entity_type"] == "PERSON":
                persons += 1
                whole += bool((mask | ~counts)[start:end].all())
        hit += int((mask & wanted & counts).sum())
        gold += int((wanted & counts).sum())
        taken += int((mask & counts).sum())
    precision, recall = hit / max(1, taken), hit / max(1, gold)
    return (1 + _F2) * precision * recall / max(1e-9, _F2 * precision + recall), whole / persons


def _tweets(nlp: Language, rows: list[list[tuple[str, str]]]) -> tuple[float, float]:
    found = persons = other = masked = 0
    masks = covered(nlp, [" ".join(word for word, _ in row) for row in rows])
    for row, mask in zip(rows, masks, strict=True):
        start = 0
        name: list[bool] = []
        for word, tag in [*row, ("", "O")]:
            if tag != "I-person" and name:
                persons += 1
                found += all(name)
                name = []
            hit = bool(mask[start : start + len(word)].any())
            if tag.endswith("-person"):
                name.append(hit)
            elif word:
                other += 1
                masked += hit
            start += len(word) + 1
    return found / persons, masked / other
