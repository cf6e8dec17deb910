"""A calibration moved by what people said of hits, and whether it foretells votes better. Pure.

Votes are few and of hits that were shown, so only two numbers are learnt, how steep and how high
the log-odds are, and both are drawn to the version's own curve: the fewer the votes, the less it
moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval import metrics
from retrieval.calibration import Numbers, PairCalibration, logistic, logit

LEAST_VOTES = 30.0  # in all, as they weigh
LEAST_OF_EACH = 5  # right ones, and wrong ones
LEAST_VOTERS = 3
# Standard deviations of what is expected before any vote: slopes of 0.5 to 2, odds up to 3 times
# as high or low, as data of another kind than those fitted on were seen to need.
_SLOPE_SPREAD, _BY_SPREAD = 0.35, 1.0
_FOLDS = 5
_BINS = 15
_TINY = 1e-6
_SLOPES = (0.2, 5.0)
_MOST_BAR = 2.0  # log-odds that the bar of a match may move


@dataclass(frozen=True)
class Votes:
    """Judged hits of one pair: P(relevant) by the version's curve (n,), whether right (n,).

    ``weights`` (n,): how much each counts; ``voters`` (n,): whose it is.
    """

    said: Numbers
    right: npt.NDArray[np.bool_]
    weights: Numbers
    voters: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Worth:
    """What probabilities were worth on the votes; each bin is low, high, said, true, count."""

    ece: float
    log_loss: float
    bins: list[list[float]]

    def to_json(self) -> dict[str, Any]:
        """What is kept of it."""
        return {"ece": self.ece, "log_loss": self.log_loss, "bins": self.bins}


@dataclass(frozen=True)
class Refit:
    """How a curve would be moved; ``before`` and ``after`` on votes that were held out."""

    slope: float
    by: float
    bar_by: float
    before: Worth
    after: Worth

    @property
    def better(self) -> bool:
        """Whether it foretells the votes that it did not see better than the version's curve."""
        return self.after.log_loss < self.before.log_loss


def too_few(votes: Votes) -> str:
    """Why nothing can be learnt from so few votes; empty where something can."""
    if len(set(votes.voters.tolist())) < LEAST_VOTERS:
        return f"{LEAST_VOTERS} people at least have to have voted"
    if votes.weights.sum() < LEAST_VOTES:
        return f"{LEAST_VOTES:.0f} votes are needed at least"
    if min(int(votes.right.sum()), int((~votes.right).sum())) < LEAST_OF_EACH:
        return f"{LEAST_OF_EACH} votes of either kind are needed at least"
    return ""


def refit(votes: Votes) -> Refit:
    """Slope and height of the log-odds by maximum a posteriori, judged by votes of other people.

    The bar of a match moves against the height: where hits are right less often than was said, it
    takes more to call one a match.
    """
    before = logit(votes.said)
    after = np.empty_like(before)
    fold = _folds(votes)
    for one in np.unique(fold):
        mine = fold == one
        slope, by = _fitted(before[~mine], votes.right[~mine], votes.weights[~mine])
        after[mine] = slope * before[mine] + by
    slope, by = _fitted(before, votes.right, votes.weights)
    moved = float(np.average(slope * before + by - before, weights=votes.weights))
    return Refit(
        slope=round(slope, 4),
        by=round(by, 4),
        bar_by=round(float(np.clip(-moved, -_MOST_BAR, _MOST_BAR)), 4),
        before=_worth(votes.said, votes),
        after=_worth(logistic(after), votes),
    )


def moved(calibration: PairCalibration, by: Refit) -> PairCalibration:
    """``calibration`` as ``by`` would have it."""
    return calibration.shifted(slope=by.slope, by=by.by, bar_by=by.bar_by)


def _folds(votes: Votes) -> npt.NDArray[np.int64]:
    """By voter, so that nobody's taste is tested on itself; whoever voted most comes first."""
    voters, counts = np.unique(votes.voters, return_counts=True)
    order = {voter: place for place, voter in enumerate(voters[np.argsort(-counts)].tolist())}
    found: npt.NDArray[np.int64] = np.array([order[v] % _FOLDS for v in votes.voters.tolist()])
    return found


def _fitted(at: Numbers, right: npt.NDArray[np.bool_], weights: Numbers) -> tuple[float, float]:
    from scipy.optimize import minimize

    def loss(w: Sequence[float]) -> float:
        p = np.clip(logistic(w[0] * at + w[1]), _TINY, 1 - _TINY)
        given = -(weights * np.where(right, np.log(p), np.log1p(-p))).sum()
        expected = ((w[0] - 1) / _SLOPE_SPREAD) ** 2 / 2 + (w[1] / _BY_SPREAD) ** 2 / 2
        return float(given + expected)

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[_SLOPES, (None, None)])
    return float(found.x[0]), float(found.x[1])


def _worth(said: Numbers, votes: Votes) -> Worth:
    p = np.clip(said, _TINY, 1 - _TINY)
    lost = -np.where(votes.right, np.log(p), np.log1p(-p))
    return Worth(
        ece=round(metrics.equal_mass_error(said, votes.right, _BINS), 4),
        log_loss=round(float(np.average(lost, weights=votes.weights)), 4),
        bins=[
            [round(b.low, 4), round(b.high, 4), round(b.said, 4), round(b.true, 4), b.count]
            for b in metrics.reliability(said, votes.right, _BINS)
        ],
    )
