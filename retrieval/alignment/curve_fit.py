"""Weighted logistic regression that rises, and isotonic regression. Needs scipy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.calibration import FEATURES, HIT_FEATURES, Line, Numbers, logistic

_RIDGE = 1e-3
_TINY = 1e-9
_CONSTANT = 1e-6  # a feature that varies less says nothing and gets no weight
_MOST_STEPS = 40
_LEAST_SLOPE = 0.1


def line_fit(
    rows: Numbers,
    right: npt.NDArray[Any],
    weights: Numbers,
    *,
    gate: Numbers | None = None,
    ridge: float = _RIDGE,
    usual: bool = False,
) -> Line:
    """Maximum likelihood with a small ridge; what must rise with the similarity does.

    ``rows`` (n, 6) features, ``right`` (n,) 0 or 1, ``weights`` (n,) how much each counts; targets
    are never quite 0 or 1 (Platt 1999). ``gate`` (n,): what the line's probability will be
    multiplied with. ``ridge``: how strongly weights of features in standard deviations are held
    back. ``usual``: nor does being familiar lower a score, or being foreign raise it.
    """
    from scipy.optimize import minimize

    weights = np.asarray(weights, np.float64) / np.mean(weights)
    right = np.asarray(right, np.float64)
    centre = np.average(rows, axis=0, weights=weights)
    spread = np.sqrt(np.average((rows - centre) ** 2, axis=0, weights=weights))
    varies = spread > _CONSTANT
    scaled = np.where(varies, (rows - centre) / np.where(varies, spread, 1.0), 0.0)
    positive, negative = (weights * right).sum(), (weights * (1 - right)).sum()
    wanted = np.where(right > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    count, open_ = len(FEATURES), np.ones(len(rows)) if gate is None else gate

    def loss(w: Numbers) -> tuple[float, Numbers]:
        score = scaled @ w[:-1] + w[-1]
        alone = logistic(score)
        p = np.clip(alone * open_, _TINY, 1 - _TINY)
        value = -weights * (wanted * np.log(p) + (1 - wanted) * np.log1p(-p))
        error = weights * (p - wanted) / (1 - p) * (1 - alone) / len(score)
        slope = np.append(scaled.T @ error + ridge * w[:-1] / count, error.sum())
        return float(value.mean() + ridge * (w[:-1] ** 2).sum() / 2 / count), slope

    signs = dict.fromkeys(HIT_FEATURES, 1) | ({"familiar": 1, "foreign": -1} if usual else {})
    either = {1: (0, None), -1: (None, 0), 0: (None, None)}
    bounds = [either[signs.get(name, 0)] for name in FEATURES] + [(None, None)]
    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    fitted = np.where(varies, found.x[:-1] / np.where(varies, spread, 1.0), 0.0)
    return Line(tuple(float(w) for w in fitted), float(found.x[-1] - (fitted * centre).sum()))


def slope_fit(at: Numbers, right: npt.NDArray[Any], weights: Numbers) -> tuple[float, float]:
    """How steep and how high log-odds ``at`` (n,) should be to foretell ``right``."""
    from scipy.optimize import minimize

    mass = np.asarray(weights, np.float64) / np.sum(weights)

    def loss(w: Numbers) -> tuple[float, Numbers]:
        score = w[0] * at + w[1]
        error = mass * (logistic(score) - right)
        value = (mass * (np.logaddexp(0, score) - right * score)).sum()
        return float(value), np.array([error @ at, error.sum()])

    bounds = [(_LEAST_SLOPE, None), (None, None)]
    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds)
    return round(float(found.x[0]), 4), round(float(found.x[1]), 4)


def rising_steps(
    scores: Numbers, right: npt.NDArray[Any], weights: Numbers
) -> tuple[tuple[float, float], ...]:
    """Isotonic regression as knots (score, probability), both rising.

    Pool-adjacent-violators (Ayer et al. 1955) over at most 40 groups of equal mass, so that no step
    rests on a handful of hits. Each pool is flat from its lowest score to its highest.
    """
    order = np.argsort(scores, kind="stable")
    pools: list[_Pool] = []
    for part in np.array_split(order, min(_MOST_STEPS, len(order))):
        mass = weights[part]
        pools.append(
            _Pool(
                float(scores[part[0]]),
                float(scores[part[-1]]),
                float(mass.sum()),
                float((mass * right[part]).sum()),
            )
        )
        while len(pools) > 1 and (
            pools[-2].rate >= pools[-1].rate or pools[-2].high >= pools[-1].low
        ):
            last = pools.pop()
            pools[-1] = pools[-1].joined(last)
    return tuple(
        (at, pool.rate)
        for pool in pools
        for at in ((pool.low,) if pool.low == pool.high else (pool.low, pool.high))
    )


@dataclass(frozen=True)
class _Pool:
    """Neighbouring scores that are given one probability."""

    low: float
    high: float
    mass: float
    right: float

    @property
    def rate(self) -> float:
        """Share of right ones, by Laplace's rule of succession never quite 0 or 1."""
        return (self.right + 1) / (self.mass + 2)

    def joined(self, other: _Pool) -> _Pool:
        """Both in one; ``other`` is the higher."""
        return _Pool(self.low, other.high, self.mass + other.mass, self.right + other.right)
