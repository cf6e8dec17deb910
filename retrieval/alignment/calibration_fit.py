"""Fitting a pair's calibration, and the threshold under which nothing counts as found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.calibration import FEATURES, PairCalibration, features, logistic
from retrieval.metrics import calibration_error

HELD = 0.9  # share of hopeless queries that must find nothing
LEAST = 0.1  # a hit less probable than this is never called a match
TOP = 10  # hits of a query that are judged, as many as a page of answers shows
_RIDGE = 1e-3


@dataclass(frozen=True)
class Judged:
    """The hits of one query: similarities (n,), whether each is right (n,), its bank (m,).

    ``hopeless``: nonsense or far from everything, so that nothing in any gallery could answer it.
    """

    similarities: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    bank: npt.NDArray[np.float64]
    hopeless: bool = False


@dataclass(frozen=True)
class Fit:
    """A fitted calibration and what it was fitted on and reaches, by two-fold cross-fitting."""

    calibration: PairCalibration
    queries: int
    unanswerable: int
    right_hits: int
    ece: float
    answerable_kept: float
    unanswerable_held: float
    hopeless_held: float


def judged_top(
    similarities: npt.NDArray[np.floating[Any]],
    right: npt.NDArray[np.bool_],
    bank: npt.NDArray[np.floating[Any]],
    *,
    hopeless: bool = False,
) -> list[Judged]:
    """The first ``TOP`` hits of each query: rows of (queries, targets), bank (queries, m)."""
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :TOP]
    return [
        Judged(row[best].astype(np.float64), truth[best], own.astype(np.float64), hopeless)
        for row, truth, best, own in zip(similarities, right, order, bank, strict=True)
    ]


def calibration_fit(judged: Sequence[Judged]) -> Fit:
    """Logistic curve and threshold for one pair.

    The threshold is the lowest that holds back ``HELD`` of the hopeless queries, and not below
    ``LEAST``. Well-formed queries whose answer happens to be missing are held back less surely:
    their first hits are near misses, shown with their low confidence.
    """
    halves = [judged[0::2], judged[1::2]]
    said, true = [], []
    for mine, other in (halves, halves[::-1]):
        half = _curve(other)
        said.append(np.concatenate([half.probability(j.similarities, bank=j.bank) for j in mine]))
        true.append(np.concatenate([j.right for j in mine]))
    curve = _curve(judged)
    first = np.array([curve.probability(j.similarities[:1], bank=j.bank)[0] for j in judged])
    answerable = np.array([bool(j.right.any()) for j in judged])
    hopeless = np.array([j.hopeless for j in judged])
    threshold = _threshold(first[hopeless])
    kept = first >= threshold
    return Fit(
        calibration=PairCalibration(curve.weights, curve.bias, threshold),
        queries=len(judged),
        unanswerable=int((~answerable).sum()),
        right_hits=int(sum(j.right.sum() for j in judged)),
        ece=calibration_error(np.concatenate(said), np.concatenate(true)),
        answerable_kept=_share(kept[answerable]),
        hopeless_held=_share(~kept[hopeless]),
        unanswerable_held=_share(~kept[~answerable]),
    )


def _curve(judged: Sequence[Judged]) -> PairCalibration:
    """Maximum likelihood with a small ridge, weights of rising features kept at or above 0."""
    from scipy.optimize import minimize

    rows = np.concatenate([features(j.similarities, bank=j.bank) for j in judged])
    right = np.concatenate([j.right for j in judged]).astype(float)
    centre, spread = rows.mean(0), np.maximum(rows.std(0), 1e-6)
    scaled = (rows - centre) / spread
    # Platt's targets: never quite 0 or 1, as many right and wrong hits as there are.
    positive, negative = right.sum(), (1 - right).sum()
    wanted = np.where(right > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(w: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        score = scaled @ w[:-1] + w[-1]
        value = np.logaddexp(0, score) - wanted * score
        error = (logistic(score) - wanted) / len(score)
        slope = np.append(scaled.T @ error + _RIDGE * w[:-1] / len(FEATURES), error.sum())
        return float(value.mean() + _RIDGE * (w[:-1] ** 2).sum() / 2 / len(FEATURES)), slope

    bounds = [(0, None), (0, None), (None, None), (None, None)]
    found = minimize(loss, np.zeros(4), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = found[:-1] / spread
    bias = float(found[-1] - (weights * centre).sum())
    return PairCalibration((float(weights[0]), float(weights[1]), float(weights[2])), bias, 0.5)


def _threshold(hopeless: npt.NDArray[np.float64]) -> float:
    """The lowest probability that ``HELD`` of the hopeless queries' first hits stay below."""
    if not len(hopeless):
        return 0.5
    return float(np.clip(np.quantile(hopeless, HELD), LEAST, 0.9))


def _share(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
