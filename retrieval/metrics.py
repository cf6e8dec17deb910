"""Measures of retrieval and of confidence. Pure numpy.

Rankings are given as booleans: ``relevant[q, r]`` says whether the hit at rank r (0 is first) of
query q is a right answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


def ranked(similarities: npt.NDArray[np.floating[Any]], relevant: Flags) -> Flags:
    """``relevant`` (queries, targets) re-ordered by falling similarity; ties keep their order."""
    order = np.argsort(-similarities, axis=1, kind="stable")
    return np.take_along_axis(relevant, order, axis=1)


def recall_at(relevant: Flags, k: int) -> float:
    """Share of queries with any right answer among the first ``k``; nan without queries."""
    return float(relevant[:, :k].any(axis=1).mean()) if len(relevant) else float("nan")


def average_precision_at(relevant: Flags, k: int) -> Numbers:
    """Average precision of each query over the first ``k`` hits: (queries,).

    The sum of precisions at right answers is divided by the number of right answers that could be
    among ``k``, min(right answers, k), as in TREC's AP cut at k; 0 where there is none.
    """
    first = relevant[:, :k]
    places = np.arange(1, first.shape[1] + 1)
    precision = np.cumsum(first, axis=1) / places
    possible = np.minimum(relevant.sum(axis=1), k)
    total = (precision * first).sum(axis=1)
    return np.divide(total, possible, out=np.zeros(len(first)), where=possible > 0)


def mean_average_precision_at(relevant: Flags, k: int) -> float:
    """Mean of ``average_precision_at`` over queries; nan without queries."""
    return float(average_precision_at(relevant, k).mean()) if len(relevant) else float("nan")


def mean_reciprocal_rank(relevant: Flags) -> float:
    """Mean of 1 / rank of the first right answer, 0 where there is none; nan without queries."""
    if not len(relevant):
        return float("nan")
    first = relevant.argmax(axis=1) + 1.0
    return float(np.where(relevant.any(axis=1), 1.0 / first, 0.0).mean())


def first_rank(relevant: Flags) -> Numbers:
    """Rank of each query's first right answer, from 1: (queries,); ranks + 1 where none is."""
    none = relevant.shape[1] + 1.0
    return np.where(relevant.any(axis=1), relevant.argmax(axis=1) + 1.0, none)


def median_rank(relevant: Flags) -> float:
    """Median of ``first_rank``; nan without queries. 1 is best."""
    return float(np.median(first_rank(relevant))) if len(relevant) else float("nan")


def ndcg_each(relevant: Flags, k: int) -> Numbers:
    """Normalised discounted cumulative gain of each query over the first ``k``: (queries,).

    A right answer at rank r is worth 1 / log2(r + 1), divided by what the best order of the same
    right answers would give (Järvelin and Kekäläinen 2002, gains of 0 and 1); 0 where there is
    none.
    """
    first = relevant[:, :k]
    worth = 1.0 / np.log2(np.arange(2, first.shape[1] + 2))
    best = np.concatenate([[0.0], np.cumsum(worth)])
    ideal = best[np.minimum(relevant.sum(axis=1), first.shape[1])]
    return np.divide(first @ worth, ideal, out=np.zeros(len(first)), where=ideal > 0)


def ndcg_at(relevant: Flags, k: int) -> float:
    """Mean of ``ndcg_each``; nan without queries."""
    return float(ndcg_each(relevant, k).mean()) if len(relevant) else float("nan")


def precision_at(relevant: Flags, k: int) -> float:
    """Mean share of right answers among the first ``k``; nan without queries."""
    return float(relevant[:, :k].mean()) if len(relevant) else float("nan")


def calibration_error(probabilities: Numbers, right: Flags, *, bins: int = 10) -> float:
    """Expected calibration error (Guo 2017): bins of equal width, weighted by their counts.

    0 is best. ``probabilities`` (n,) in 0..1, ``right`` (n,); nan without items.
    """
    if not len(probabilities):
        return float("nan")
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    said = np.bincount(place, weights=probabilities, minlength=bins)
    true = np.bincount(place, weights=right.astype(float), minlength=bins)
    return float(np.abs(said - true).sum() / counts.sum())


@dataclass(frozen=True)
class Bin:
    """Judged hits said to be ``low`` to ``high``, ``said`` on average; ``true`` of them are right.

    ``count`` hits are in it.
    """

    low: float
    high: float
    said: float
    true: float
    count: int


def reliability(probabilities: Numbers, right: Flags, bins: int = 15) -> list[Bin]:
    """At most ``bins`` bins of equal mass, rising: what was said and how often it was true.

    Sorted probabilities are cut into parts whose counts differ by at most one (adaptive binning,
    Nguyen and O'Connor 2015). Between equal probabilities there is no order, so each counts as
    right by the share of them that is: the bins do not depend on the order given.
    ``probabilities`` (n,) in 0..1, ``right`` (n,); empty without items.
    """
    said, place = np.unique(np.asarray(probabilities, dtype=np.float64), return_inverse=True)
    if not len(said):
        return []
    count = np.bincount(place)
    share = np.bincount(place, weights=np.asarray(right, dtype=np.float64)) / count
    sorted_said, sorted_true = np.repeat(said, count), np.repeat(share, count)
    parts = [
        (one, true)
        for one, true in zip(
            np.array_split(sorted_said, bins), np.array_split(sorted_true, bins), strict=True
        )
        if len(one)
    ]
    return [
        Bin(float(one[0]), float(one[-1]), float(one.mean()), float(true.mean()), len(one))
        for one, true in parts
    ]


def equal_mass_error(probabilities: Numbers, right: Flags, bins: int = 15) -> float:
    """Expected calibration error over ``reliability``'s bins, weighted by their counts.

    0 is best; nan without items.
    """
    found = reliability(probabilities, right, bins)
    if not found:
        return float("nan")
    off = sum(abs(one.said - one.true) * one.count for one in found)
    return off / sum(one.count for one in found)


@dataclass(frozen=True)
class CoveragePoint:
    """With answers held back below ``threshold``: the share answered, and that of wrong ones."""

    threshold: float
    coverage: float
    risk: float


def risk_coverage(confidence: Numbers, right: Flags, points: int = 41) -> list[CoveragePoint]:
    """Selective risk over coverage, coverage rising (El-Yaniv and Wiener 2010).

    ``confidence`` (n,) of each query's answer and whether it is ``right`` (n,). Queries of equal
    confidence are answered together. At most ``points`` of the curve, the last with everything
    answered; empty without queries.
    """
    if not len(confidence):
        return []
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.append(sure[1:] != sure[:-1], [True]))
    if len(ends) > points:
        ends = ends[np.linspace(0, len(ends) - 1, points).round().astype(int)]
    return [
        CoveragePoint(float(sure[at]), (at + 1) / len(sure), float(wrong[at]) / (at + 1))
        for at in ends.tolist()
    ]


def occurrences(similarities: npt.NDArray[np.floating[Any]], k: int) -> npt.NDArray[np.int64]:
    """How many queries have each target among their first ``k``: (targets,).

    Radovanović et al. 2010, "Hubs in space": N_k.
    """
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return np.bincount(order.ravel(), minlength=similarities.shape[1]).astype(np.int64)


def skewness(values: npt.NDArray[Any]) -> float:
    """Third standardised moment (S_Nk of Radovanović et al. for occurrences); 0 if all are equal.

    nan without values.
    """
    if not len(values):
        return float("nan")
    off = np.asarray(values, dtype=np.float64) - np.mean(values)
    spread = float(np.sqrt((off**2).mean()))
    return float((off**3).mean() / spread**3) if spread > 0 else 0.0


def accuracy(
    similarities: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.integer[Any]]
) -> float:
    """Share of items (rows) whose most similar label (column) is theirs; nan without items."""
    if not len(labels):
        return float("nan")
    return float((similarities.argmax(axis=1) == labels).mean())
