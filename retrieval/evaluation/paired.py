"""Two models on the same queries: differences with intervals, chance, and what counts as worse.

The rule, for each pair of modalities that both models answer:

- the primary figure is recall@10 where a query has one thing to find (recall@1 among fewer than 50
  targets, where ten of them are most), mAP@10 where labels say what belongs together;
- the interval is a paired percentile bootstrap (Efron & Tibshirani 1993, ch. 13) of the difference
  candidate - present: 2,000 resamples, a fixed seed; what belongs to one thing (the captions of one
  photo) is drawn together;
- ``worse``: the whole 95 % interval lies below 0, or the figure falls by more than 0.05 however
  wide the interval is; ``better``: the whole interval lies above 0; otherwise ``same``.

Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from retrieval import metrics

Figure = Literal["recall@1", "recall@10", "map@10"]
Verdict = Literal["better", "same", "worse"]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20
TOLERANCE = 0.05  # a fall of the primary figure that is never called the same
FEW_TARGETS = 50
_RESAMPLES_AT_ONCE = 100


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval, rounded to four decimals."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """``{"value", "low", "high"}``."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class PairComparison:
    """One pair of modalities under both models, on the same queries and targets."""

    pair: str
    figure: Figure
    queries: int
    chance: float
    candidate: Interval
    present: Interval
    difference: Interval

    @property
    def verdict(self) -> Verdict:
        """As the module's rule says."""
        if self.difference.high < 0 or self.difference.value < -TOLERANCE:
            return "worse"
        return "better" if self.difference.low > 0 else "same"

    def to_json(self) -> dict[str, Any]:
        """What is kept of it in an evaluation's result."""
        return {
            "figure": self.figure,
            "queries": self.queries,
            "chance": self.chance,
            "candidate": self.candidate.to_json(),
            "present": self.present.to_json(),
            "difference": self.difference.to_json(),
            "verdict": self.verdict,
        }


def primary_figure(*, labelled: bool, targets: int) -> Figure:
    """The figure that decides, for labels or for single right answers among ``targets``."""
    if labelled:
        return "map@10"
    return "recall@10" if targets >= FEW_TARGETS else "recall@1"


def scores(similarities: npt.NDArray[np.floating[Any]], right: Flags, figure: Figure) -> Numbers:
    """The figure of each query: float64 (queries,), whose mean is the figure of the pair.

    ``similarities`` and ``right`` are (queries, targets).
    """
    hits = metrics.ranked(similarities, right)
    if figure == "map@10":
        return metrics.average_precision_at(hits, 10)
    first = 1 if figure == "recall@1" else 10
    found: Numbers = hits[:, :first].any(axis=1).astype(np.float64)
    return found


def chance(right: Flags, figure: Figure) -> float:
    """What the figure would be on average if the targets were ranked at random: exact.

    Recall: 1 - C(n - r, k) / C(n, k) for r right answers among n. AP@k: the chance r / n of a right
    answer at place i, times its expected precision (1 + (i - 1)(r - 1)/(n - 1)) / i, summed over
    the first k places and divided by min(r, k).
    """
    count, n = right.sum(axis=1).astype(np.float64), right.shape[1]
    if not len(count) or not n:
        return 0.0
    places = np.arange(1, min(n, 1 if figure == "recall@1" else 10) + 1, dtype=np.float64)
    if figure == "map@10":
        others = (count[:, None] - 1) / max(n - 1, 1)
        precision = (1 + (places - 1) * others) / places
        possible = np.maximum(np.minimum(count, 10), 1)
        return float((count / n * precision.sum(axis=1) / possible).mean())
    left = np.clip(n - count[:, None] - (places - 1), 0, None) / (n - (places - 1))
    return float((1 - left.prod(axis=1)).mean())


def interval(values: Numbers, groups: Sequence[int], *, seed: int = SEED) -> Interval:
    """The mean of ``values`` (n,) with its interval; values of one group are drawn together."""
    place = np.unique(np.asarray(groups), return_inverse=True)[1]
    sums = np.bincount(place, weights=values)
    counts = np.bincount(place).astype(np.float64)
    # Groups that are alike need no draws of their own: how often each kind is drawn is multinomial.
    kinds, often = np.unique(np.stack([sums, counts], axis=1), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    means: list[Numbers] = []
    for _ in range(RESAMPLES // _RESAMPLES_AT_ONCE):
        drawn = rng.multinomial(len(sums), often / len(sums), size=_RESAMPLES_AT_ONCE)
        means.append((drawn @ kinds[:, 0]) / (drawn @ kinds[:, 1]))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Interval(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4))


def pair_compared(
    *,
    pair: str,
    figure: Figure,
    right: Flags,
    candidate: npt.NDArray[np.floating[Any]],
    present: npt.NDArray[np.floating[Any]],
    groups: Sequence[int],
) -> PairComparison:
    """Candidate and present on the same queries: similarities and ``right`` (queries, targets).

    ``groups`` (queries,) says which queries belong to one thing.

    Raises:
        ValueError: there is no query, or the shapes differ.
    """
    if not right.size or not right.shape == candidate.shape == present.shape:
        raise ValueError(
            f"expected equal shapes with queries, got {right.shape}, {candidate.shape}, "
            f"{present.shape}"
        )
    new, old = scores(candidate, right, figure), scores(present, right, figure)
    return PairComparison(
        pair=pair,
        figure=figure,
        queries=len(right),
        chance=round(chance(right, figure), 4),
        candidate=interval(new, groups),
        present=interval(old, groups),
        difference=interval(new - old, groups),
    )
