"""How much vectors tell about people: an attribute attack by nearest neighbours, with its interval.

The attacker holds example vectors of every person (texts that name, pictures that show them) and
guesses for each other vector whom it is about: the person of the most similar example (Song and
Raghunathan, "Information Leakage in Embedding Models", CCS 2020, attribute inference; here with
nearest neighbours, which needs no training). Everything but the person is the same for all:
examples use one set of sentences, targets another, so that nothing else gives a person away.

Chance is one in the number of persons. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.encoders.base import Vectors
from retrieval.evaluation.findings import Finding
from retrieval.evaluation.paired import Interval, interval

_SAME = 1e-6  # similarities no farther apart are a tie, as of sentences that became the same


@dataclass(frozen=True)
class Sides:
    """Unit vectors (n, d) of examples and targets, and whom each is about: (n,) person numbers."""

    known: Vectors
    known_persons: Sequence[int]
    targets: Vectors
    target_persons: Sequence[int]


@dataclass(frozen=True)
class Leakage:
    """The attack before and after redaction.

    ``before``: examples and targets as they were. ``after``: targets redacted, by whichever kind of
    example serves the attacker better, ``examples``: his own, unredacted, or redacted ones whose
    persons he happens to know. ``redacted`` is the share of targets that something was taken out
    of.
    """

    attribute: str
    persons: int
    known: int
    targets: int
    before: Interval
    after: Interval
    examples: str
    redacted: float

    @property
    def chance(self) -> float:
        """The share that guessing finds."""
        return 1 / self.persons

    @property
    def told(self) -> bool:
        """Whether redacted vectors still tell more than guessing, by the whole interval."""
        return self.after.low > self.chance

    def to_json(self) -> dict[str, Any]:
        """What is kept of it in an evaluation's result."""
        return {
            "attribute": self.attribute,
            "persons": self.persons,
            "known": self.known,
            "targets": self.targets,
            "chance": round(self.chance, 4),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "examples": self.examples,
            "redacted": round(self.redacted, 4),
        }

    def finding(self, where: str) -> Finding | None:
        """A note where redacted vectors still tell who it is; it keeps nobody from promoting."""
        if not self.told:
            return None
        detail = (
            f"{self.attribute}: guessed for {self.after.value:.0%} of redacted vectors "
            f"({self.after.low:.0%} to {self.after.high:.0%}; {self.before.value:.0%} before), "
            f"chance {self.chance:.0%}."
        )
        return Finding("leakage", where, detail, gates=False)


def hits(sides: Sides) -> npt.NDArray[np.float64]:
    """Whether each target's person is guessed: float64 (targets,), 1 right, 0 wrong.

    Where several examples are equally near, the share of them that is right.

    Raises:
        ValueError: no example, or persons and vectors that do not belong together.
    """
    known = np.asarray(sides.known_persons)
    wanted = np.asarray(sides.target_persons)
    if not len(known) or len(known) != len(sides.known) or len(wanted) != len(sides.targets):
        raise ValueError(
            f"{len(sides.known)} examples of {len(known)} persons, "
            f"{len(sides.targets)} targets of {len(wanted)}"
        )
    similarities = sides.targets.astype(np.float64) @ sides.known.astype(np.float64).T
    nearest = similarities >= similarities.max(axis=1, keepdims=True) - _SAME
    right = nearest & (known[None, :] == wanted[:, None])
    shares: npt.NDArray[np.float64] = right.sum(axis=1) / nearest.sum(axis=1)
    return shares


def leakage(
    *,
    attribute: str,
    before: Sides,
    after_known: Vectors,
    after_targets: Vectors,
    redacted: float,
) -> Leakage:
    """The attack on ``before``, and on the same things redacted.

    ``after_known`` and ``after_targets`` are ``before``'s vectors after redaction, in its order.
    Intervals are bootstraps over persons: what is told of one is drawn together.
    """
    groups = list(before.target_persons)
    tried = {
        "unredacted": _after(before, before.known, after_targets),
        "redacted": _after(before, after_known, after_targets),
    }
    examples = max(tried, key=lambda name: float(tried[name].mean()))
    persons = len(set(before.known_persons))
    return Leakage(
        attribute=attribute,
        persons=persons,
        known=len(before.known_persons) // persons,
        targets=len(groups),
        before=interval(hits(before), groups),
        after=interval(tried[examples], groups),
        examples=examples,
        redacted=redacted,
    )


def _after(before: Sides, known: Vectors, targets: Vectors) -> npt.NDArray[np.float64]:
    return hits(Sides(known, before.known_persons, targets, before.target_persons))


def leakage_in_words(found: Mapping[str, Any]) -> str:
    """One attack of an evaluation's result as a sentence."""

    def shown(name: str) -> str:
        one = found[name]
        return f"{one['value']:.0%} ({one['low']:.0%} to {one['high']:.0%})"

    # Without this the second figure would look like the merit of redaction.
    recognised = found["before"]["low"] > found["chance"]
    unknown = (
        "" if recognised else " Before redaction this model tells no more than chance, either."
    )
    return (
        f"{found['attribute'].capitalize()}, one of {found['persons']}: guessed for "
        f"{shown('before')} of {found['targets']} vectors before redaction, {shown('after')} after "
        f"it; chance {found['chance']:.0%}. Something was taken out of {found['redacted']:.0%}."
        f"{unknown}"
    )
