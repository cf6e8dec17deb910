"""Fitting a pair's calibration, and the score under which nothing counts as found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from retrieval.alignment.curve_fit import line_fit, rising_steps
from retrieval.calibration import Asked, Line, PairCalibration, features
from retrieval.metrics import equal_mass_error

Form = Literal["platt", "isotonic"]
FORMS: tuple[Form, ...] = ("platt", "isotonic")
HELD = 0.97  # share of hopeless queries that must find nothing
KEPT = 0.95  # share of answerable ones that are kept, where more than HELD can be held back
LEAST = 0.1  # without hopeless queries to learn from, a match is at least so probable ...
EVEN = 0.5  # ... and this is the usual threshold
TOP = 10  # hits of a query that are judged, as many as a page of answers shows
_FOLDS = 2
_BETTER = 0.002  # by so much of log loss stepped curves have to be better: they need more data
_TINY = 1e-6
_FEW = 20  # answerable or hopeless queries, under which no line of matches is fitted


@dataclass(frozen=True)
class Judged:
    """The hits of one query: similarities (n,), whether each is right (n,), what was asked.

    ``hopeless``: nonsense, or so far from everything that nothing in any gallery could answer it.
    ``weight``: how much it counts beside others. ``group``: queries of one group (about one thing)
    are never on both sides of a cross-fit.
    """

    similarities: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    asked: Asked
    hopeless: bool = False
    weight: float = 1.0
    group: int | None = None


@dataclass(frozen=True)
class Fit:
    """A fitted calibration and what it was fitted on and reaches, by two-fold cross-fitting.

    ``ece`` is over the first hits in 15 bins of equal mass; ``log_loss`` is of both forms.
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


def judged_top(
    similarities: npt.NDArray[np.floating[Any]],
    right: npt.NDArray[np.bool_],
    asked: Sequence[Asked],
    *,
    hopeless: bool = False,
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
            hopeless=hopeless,
            weight=weight,
            group=None if groups is None else groups[row],
        )
        for row, best in enumerate(order)
    ]


def asked_all(
    queries: npt.NDArray[np.floating[Any]],
    bank: npt.NDArray[np.floating[Any]],
    own: npt.NDArray[np.floating[Any]] | None = None,
    words: Sequence[int] | None = None,
) -> list[Asked]:
    """What is known of each query (n, d), by the banks of target (m, d) and own modality (k, d)."""
    to_bank = queries @ bank.T
    to_own = None if own is None else queries @ own.T
    return [
        Asked(
            bank=to_bank[row],
            own=None if to_own is None else to_own[row],
            words=0 if words is None else words[row],
        )
        for row in range(len(queries))
    ]


def calibration_fit(judged: Sequence[Judged]) -> Fit:
    """Curve and line of matches for one pair; of the two forms the one that foretells better.

    A query counts as a match from a score on that holds back ``HELD`` of the hopeless queries, and
    more where ``KEPT`` of the answerable ones stay. Well-formed queries whose answer happens to be
    missing are held back less surely: their first hits are near misses, shown with their low
    confidence.
    """
    sides = halves(judged)
    crossed = [(mine, _fitted_on(other)) for mine, other in (sides, sides[::-1])]
    loss = {form: _log_loss([(mine, curves[form]) for mine, curves in crossed]) for form in FORMS}
    form: Form = "isotonic" if loss["isotonic"] < loss["platt"] - _BETTER else "platt"
    chosen = [(mine, curves[form]) for mine, curves in crossed]
    said = [one.probability(j.similarities, j.asked) for mine, one in chosen for j in mine]
    true = [j.right for mine, _ in chosen for j in mine]
    whole = _with_threshold(_fitted_on(judged)[form], judged)
    kept = [
        (j, _answers(barred, j))
        for (mine, one), other in zip(chosen, sides[::-1], strict=True)
        for barred in (_with_threshold(one, other),)
        for j in mine
    ]
    return Fit(
        calibration=whole,
        form=form,
        log_loss={name: round(value, 4) for name, value in loss.items()},
        queries=len(judged),
        unanswerable=sum(not j.right.any() for j in judged),
        right_hits=int(sum(j.right.sum() for j in judged)),
        ece=equal_mass_error(np.concatenate(said), np.concatenate(true)),
        answerable_kept=_share([sure for j, sure in kept if j.right.any()]),
        hopeless_held=_share([not sure for j, sure in kept if j.hopeless]),
        unanswerable_held=_share([not sure for j, sure in kept if not j.right.any()]),
    )


def halves(judged: Sequence[Judged]) -> tuple[list[Judged], list[Judged]]:
    """Every second query, or every second group of them."""
    groups = sorted({j.group for j in judged if j.group is not None})
    side = {group: place % _FOLDS for place, group in enumerate(groups)}
    sides: tuple[list[Judged], list[Judged]] = ([], [])
    for place, one in enumerate(judged):
        sides[place % _FOLDS if one.group is None else side[one.group]].append(one)
    return sides


def _fitted_on(judged: Sequence[Judged]) -> dict[Form, PairCalibration]:
    """Both curves, with a fixed threshold."""
    rows = np.concatenate([features(j.similarities, j.asked) for j in judged])
    right = np.concatenate([j.right for j in judged])
    weights = np.concatenate([np.full(len(j.right), j.weight) for j in judged])
    line = line_fit(rows, right, weights)
    steps = rising_steps(line.scores(rows), right, weights)
    return {
        "platt": PairCalibration(line, EVEN),
        "isotonic": PairCalibration(line, EVEN, knots=steps),
    }


def _with_threshold(curve: PairCalibration, judged: Sequence[Judged]) -> PairCalibration:
    """``curve`` with what makes a match, learnt from answered and from hopeless queries.

    The first hit of each stands for it. Queries whose answer is missing are not learnt from.
    """
    answered = [j for j in judged if j.right.any()]
    hopeless = [j for j in judged if j.hopeless]
    if min(len(answered), len(hopeless)) < _FEW:
        return replace(curve, threshold=_fixed(curve, hopeless))
    rows = _first_rows([*answered, *hopeless])
    flags = np.arange(len(rows)) < len(answered)
    # Both sides count alike, however many there are of each.
    weights = np.where(flags, 0.5 / len(answered), 0.5 / len(hopeless))
    line = line_fit(rows, flags, weights)
    scores = line.scores(rows)
    kept, held = scores[flags], scores[~flags]
    bar = max(float(np.quantile(held, HELD)), float(np.quantile(kept, 1 - KEPT)))
    return replace(curve, match=Line(line.weights, line.bias - bar))


def _fixed(curve: PairCalibration, hopeless: Sequence[Judged]) -> float:
    """A threshold on the probability itself."""
    if not hopeless:
        return EVEN
    first = [curve.probability(j.similarities[:1], j.asked)[0] for j in hopeless]
    return float(np.clip(np.quantile(first, HELD), LEAST, 0.9))


def _first_rows(judged: Sequence[Judged]) -> npt.NDArray[np.float64]:
    return np.concatenate([features(j.similarities[:1], j.asked) for j in judged])


def _answers(curve: PairCalibration, judged: Judged) -> bool:
    """Whether the first hit counts as a match."""
    first = curve.probability(judged.similarities[:1], judged.asked)[0]
    return bool(first >= curve.least(judged.asked))


def _log_loss(said: Sequence[tuple[Sequence[Judged], PairCalibration]]) -> float:
    total, mass = 0.0, 0.0
    for judged, curve in said:
        for one in judged:
            p = np.clip(curve.probability(one.similarities, one.asked), _TINY, 1 - _TINY)
            total += one.weight * float(-np.where(one.right, np.log(p), np.log1p(-p)).sum())
            mass += one.weight * len(p)
    return total / mass


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if len(flags) else float("nan")
