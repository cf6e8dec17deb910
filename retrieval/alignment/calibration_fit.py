"""Fitting a pair's calibration, and the score under which nothing counts as found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from retrieval.alignment.curve_fit import line_fit, rising_steps, slope_fit
from retrieval.calibration import (
    Asked,
    Line,
    Numbers,
    PairCalibration,
    answerable,
    asked_of,
    features,
    logistic,
    logit,
)
from retrieval.metrics import equal_mass_error

Form = Literal["platt", "isotonic"]
FORMS: tuple[Form, ...] = ("platt", "isotonic")
HELD = 0.97  # share of hopeless queries that must find nothing
KEPT = 0.95  # share of answerable ones that are kept, where more than HELD can be held back
LEAST = 0.1  # without hopeless queries to learn from, a match is at least so probable ...
EVEN = 0.5  # ... and this is the usual threshold
TOP = 10  # hits of a query that are judged, as many as a page of answers shows
_FOLDS = 5
_BETTER = 0.002  # by so much of log loss stepped curves have to be better: they need more data
_TINY = 1e-6
_CAUTION = 3.0
_FEW = 40  # answerable or hopeless queries, under which no line of matches is fitted


@dataclass(frozen=True)
class Judged:
    """The hits of one query: similarities (n,), whether each is right (n,), what was asked.

    ``hopeless``: nothing in the gallery could answer it; ``nonsense``: nothing in any could.
    ``weight``: how much it counts beside others. ``group``: queries of one group (about one thing)
    are never on both sides of a cross-fit.
    """

    similarities: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    asked: Asked
    hopeless: bool = False
    nonsense: bool = False
    weight: float = 1.0
    group: int | None = None

    @cached_property
    def rows(self) -> Numbers:
        """Features of the hits: (n, 6)."""
        return features(self.similarities, self.asked)


@dataclass(frozen=True)
class Fit:
    """A fitted calibration and what it was fitted on and reaches, by cross-fitting.

    ``ece`` is over the first hits of queries that are not hopeless, in 15 bins of equal mass;
    ``log_loss`` is of both forms.
    ``answerable_kept`` counts queries with a right answer among their first hits.
    """

    calibration: PairCalibration
    form: Form
    log_loss: dict[Form, float]
    queries: int
    unanswerable: int
    right_hits: int
    ece: float
    answerable_kept: float
    unanswerable_held: float
    hopeless_held: float
    nonsense_held: float


def judged_top(
    similarities: npt.NDArray[np.floating[Any]],
    right: npt.NDArray[np.bool_],
    asked: Sequence[Asked],
    *,
    hopeless: bool = False,
    nonsense: bool = False,
    weight: float = 1.0,
    groups: Sequence[int] | None = None,
) -> list[Judged]:
    """The first ``TOP`` hits of each query: rows of (queries, targets), one ``asked`` a query.

    Similarities are rounded to two decimals, as a search rounds them.
    """
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :TOP]
    return [
        Judged(
            similarities=np.round(similarities[row, best].astype(np.float64), 2),
            right=right[row, best],
            asked=asked[row],
            hopeless=hopeless or nonsense,
            nonsense=nonsense,
            weight=weight,
            group=None if groups is None else groups[row],
        )
        for row, best in enumerate(order)
    ]


def asked_all(
    queries: npt.NDArray[np.floating[Any]],
    banks: Mapping[str, npt.NDArray[np.floating[Any]]],
    pair: tuple[str, str],
    words: Sequence[int] | None = None,
) -> list[Asked]:
    """What is known of each query (n, d), by the reference vectors of its model."""
    return [
        asked_of(row, banks, pair, None if words is None else words[at])
        for at, row in enumerate(queries)
    ]


def calibration_fit(judged: Sequence[Judged]) -> Fit:
    """Curve and line of matches for one pair; of the two forms the one that foretells better.

    Both are judged by things that they were not fitted on, in five parts; what that shows of being
    too sure, where there is little to learn from, is taken out of the curve that is fitted on all.
    A query counts as a match from a score on that holds back ``HELD`` of the nonsense, and more
    where ``KEPT`` of the answered ones stay. Well-formed queries whose answer happens to be missing
    are held back less surely: their first hits are near misses, shown with their low confidence.
    """
    parts = folds(judged)
    crossed = [
        (part, _fitted_on([one for other in parts if other is not part for one in other]))
        for part in parts
    ]
    loss = {form: _log_loss([(mine, curves[form]) for mine, curves in crossed]) for form in FORMS}
    form: Form = "isotonic" if loss["isotonic"] < loss["platt"] - _BETTER else "platt"
    chosen = [(one, curves[form]) for mine, curves in crossed for one in mine]
    real = [(one, curve) for one, curve in chosen if not one.hopeless]
    said = np.concatenate([curve.judged(one.rows) for one, curve in real])
    right = np.concatenate([one.right for one, _ in real])
    mass = np.concatenate([np.full(len(one.right), one.weight) for one, _ in real])
    slope, by = slope_fit(logit(said), right, mass)
    kept = [
        (one, bool(curve.margin(one.similarities[:1], one.asked)[0] >= 0)) for one, curve in chosen
    ]
    return Fit(
        calibration=_fitted_on(judged)[form].shifted(slope=slope, by=by, bar_by=0.0),
        form=form,
        log_loss={name: round(value, 4) for name, value in loss.items()},
        queries=len(judged),
        unanswerable=sum(not j.right.any() for j in judged),
        right_hits=int(sum(j.right.sum() for j in judged)),
        ece=equal_mass_error(logistic(slope * logit(said) + by), right),
        answerable_kept=_share([sure for j, sure in kept if j.right.any()]),
        hopeless_held=_share([not sure for j, sure in kept if j.hopeless]),
        nonsense_held=_share([not sure for j, sure in kept if j.nonsense]),
        unanswerable_held=_share([not sure for j, sure in kept if not j.right.any()]),
    )


def folds(judged: Sequence[Judged]) -> list[list[Judged]]:
    """Parts of like size, every group in one of them."""
    groups = sorted({j.group for j in judged if j.group is not None})
    side = {group: place % _FOLDS for place, group in enumerate(groups)}
    parts: list[list[Judged]] = [[] for _ in range(_FOLDS)]
    for place, one in enumerate(judged):
        parts[place % _FOLDS if one.group is None else side[one.group]].append(one)
    return [part for part in parts if part]


def _fitted_on(judged: Sequence[Judged]) -> dict[Form, PairCalibration]:
    """Both curves, with what makes a match."""
    match, bar = _match(judged)
    # Hopeless queries teach what is answerable; the curve is that of queries that are.
    real = [j for j in judged if not j.hopeless] if match is not None else list(judged)
    rows = np.concatenate([j.rows for j in real])
    right = np.concatenate([j.right for j in real])
    weights = np.concatenate([np.full(len(j.right), j.weight) for j in real])
    gate = None if match is None else answerable(match.scores(rows))
    line = line_fit(rows, right, weights, gate=gate, ridge=_ridge(real))
    platt = PairCalibration(line, EVEN, match=match, bar=bar)
    if match is None:
        platt = replace(platt, threshold=_fixed(platt, [j for j in judged if j.hopeless]))
    steps = rising_steps(logit(platt.judged(rows)), right, weights)
    return {"platt": platt, "isotonic": replace(platt, knots=steps)}


def _match(judged: Sequence[Judged]) -> tuple[Line | None, float]:
    """The line that tells answered queries from hopeless ones, and where on it a match begins.

    The first hit of each stands for it. Queries whose answer is missing are not learnt from.
    Without enough of both there is none.
    """
    answered = [j for j in judged if j.right.any()]
    hopeless = [j for j in judged if j.hopeless]
    if min(len(answered), len(hopeless)) < _FEW:
        return None, 0.0
    rows = _first_rows([*answered, *hopeless])
    flags = np.arange(len(rows)) < len(answered)
    mass = np.array([j.weight for j in (*answered, *hopeless)])
    # Both sides count alike, however many there are of each.
    weights = np.where(flags, mass / mass[flags].sum(), mass / mass[~flags].sum())
    line = line_fit(rows, flags, weights, ridge=_ridge(answered), usual=True)
    scores = line.scores(rows)
    nonsense = scores[~flags & np.array([j.nonsense for j in (*answered, *hopeless)])]
    held = nonsense if len(nonsense) else scores[~flags]
    bar = max(float(np.quantile(held, HELD)), float(np.quantile(scores[flags], 1 - KEPT)))
    return line, bar


def _ridge(judged: Sequence[Judged]) -> float:
    """The fewer things are asked about, the less may features of queries weigh."""
    return _CAUTION / max(
        len({j.group if j.group is not None else -at for at, j in enumerate(judged, 1)}), 1
    )


def _fixed(curve: PairCalibration, hopeless: Sequence[Judged]) -> float:
    """A threshold on the probability itself."""
    if not hopeless:
        return EVEN
    first = [curve.judged(j.rows[:1])[0] for j in hopeless]
    return float(np.clip(np.quantile(first, HELD), LEAST, 0.9))


def _first_rows(judged: Sequence[Judged]) -> npt.NDArray[np.float64]:
    return np.concatenate([j.rows[:1] for j in judged])


def _log_loss(said: Sequence[tuple[Sequence[Judged], PairCalibration]]) -> float:
    total, mass = 0.0, 0.0
    for judged, curve in said:
        for one in judged:
            p = np.clip(curve.judged(one.rows), _TINY, 1 - _TINY)
            total += one.weight * float(-np.where(one.right, np.log(p), np.log1p(-p)).sum())
            mass += one.weight * len(p)
    return total / mass


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if len(flags) else float("nan")
