"""What the probabilities of an evaluated model are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval import metrics
from retrieval.calibration import Asked, Numbers, PairCalibration, asked_of
from retrieval.encoders.base import Vectors
from retrieval.evaluation.cases import Case

JUDGED = 10  # hits of a query that calibration is measured on
BINS = 15  # of equal mass
_DECIMALS = 2  # of a similarity, as a search rounds it
_TINY = 1e-6


@dataclass(frozen=True)
class Calibrations:
    """Fitted pairs by (query modality, target modality), and the reference bank by modality."""

    pairs: Mapping[tuple[str, str], PairCalibration]
    bank: Mapping[str, Vectors] = field(default_factory=dict)

    def of(self, case: Case) -> PairCalibration | None:
        """The pair of ``case``; None if it was not fitted or has no bank."""
        return self.pairs.get((case.asked, case.target)) if case.target in self.bank else None

    def asked(
        self, case: Case, queries: Vectors | None = None, words: Sequence[int] | None = None
    ) -> list[Asked]:
        """What is known of each query of ``case``, or of other ``queries`` (n, d) for the same."""
        rows = case.queries if queries is None else queries
        words = case.words if queries is None else words
        pair = (case.asked, case.target)
        return [
            asked_of(row, self.bank, pair, words[at] if words else None)
            for at, row in enumerate(rows)
        ]


@dataclass(frozen=True)
class JudgedHits:
    """First hits of all queries of one pair, flat: what was said (n,) and what is right (n,)."""

    pair: str
    said: Numbers
    right: npt.NDArray[np.bool_]


def judged_hits(cases: Sequence[Case], found: Calibrations) -> Iterator[JudgedHits]:
    """For every fitted pair whose queries are not among its things."""
    for case in cases:
        pair = found.of(case)
        if pair is None or case.itself:
            continue
        similarities = case.similarities
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :JUDGED]
        first = np.round(np.take_along_axis(similarities, order, 1), _DECIMALS)
        said = [
            pair.probability(row, one) for row, one in zip(first, found.asked(case), strict=True)
        ]
        right = np.take_along_axis(case.right, order, 1)
        yield JudgedHits(case.name, np.concatenate(said), right.ravel())


def calibration_figures(cases: Sequence[Case], found: Calibrations) -> dict[str, Any]:
    """Expected calibration error over the first hits of every query, 15 bins of equal mass.

    A right answer is one that the data label as right, so with incomplete labels the probability is
    measured against "the labelled answer", not against everything that would do.
    """
    judged = list(judged_hits(cases, found))
    if not judged:
        return {"ece": None, "pairs": 0}
    said = np.concatenate([one.said for one in judged])
    right = np.concatenate([one.right for one in judged])
    return {**_worth(said, right), "by_pair": {j.pair: _worth(j.said, j.right) for j in judged}}


def _worth(said: Numbers, right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    p = np.clip(said, _TINY, 1 - _TINY)
    return {
        "ece": round(metrics.equal_mass_error(said, right, BINS), 4),
        "pairs": len(said),
        "right": round(float(right.mean()), 4),
        "log_loss": round(float(-np.where(right, np.log(p), np.log1p(-p)).mean()), 4),
        # low, high, said, true, count of each
        "bins": [
            [round(b.low, 4), round(b.high, 4), round(b.said, 4), round(b.true, 4), b.count]
            for b in metrics.reliability(said, right, BINS)
        ],
    }
