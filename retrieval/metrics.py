"""Measures of retrieval and of confidence. Pure numpy.

Rankings are given as booleans: ``relevant[q, r]`` says whether the hit at rank r (0 is first) of
query q is a right answer.
"""

from __future__ import annotations

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


def accuracy(
    similarities: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.integer[Any]]
) -> float:
    """Share of items (rows) whose most similar label (column) is theirs; nan without items."""
    if not len(labels):
        return float("nan")
    return float((similarities.argmax(axis=1) == labels).mean())
