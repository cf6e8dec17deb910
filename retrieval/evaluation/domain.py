"""Out-of-domain validation: how much a model falls on data unlike those it was fitted on.

Recall depends on how many things there are to find. So both sets are cut, with a seed, to the same
number of things and queries before they are compared. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.evaluation.calibration_figures import Calibrations, calibration_figures
from retrieval.evaluation.cases import Case, Things
from retrieval.evaluation.paired import RESAMPLES, Figure, Numbers, scores

SEED = 23
_TAILS = (0.025, 0.975)


def domain_fall(
    home: Sequence[Case],
    away: Sequence[Case],
    calibrations: Calibrations | None,
    *,
    labelled: bool,
) -> dict[str, Any]:
    """Every pair of modalities that both data sets have, at ``home`` and ``away``.

    By pair: the figure (recall@10; where either set goes by labels, mAP@10) of both, and the
    ``fall`` with its 95 % interval over independent resamples; the things and queries that were
    left. ``calibration``: the error of both over all those pairs.
    """
    figure: Figure = "map@10" if labelled else "recall@10"
    there = {case.name: case for case in away}
    pairs: dict[str, Any] = {}
    cut: list[tuple[Case, Case]] = []
    for case in home:
        other = there.get(case.name)
        if other is None or not (case.right.size and other.right.size):
            continue
        mine, theirs = _cut(case, other)
        cut.append((mine, theirs))
        own, far = (scores(one.similarities, one.right, figure) for one in (mine, theirs))
        low, high = _difference(own, mine.groups, far, theirs.groups)
        pairs[case.name] = {
            "figure": figure,
            "things": len(mine.targets),
            "queries": [len(own), len(far)],
            "home": round(float(own.mean()), 4),
            "away": round(float(far.mean()), 4),
            "fall": {
                "value": round(float(own.mean() - far.mean()), 4),
                "low": low,
                "high": high,
            },
        }
    result: dict[str, Any] = {"pairs": pairs}
    if calibrations is not None and cut:
        result["calibration"] = {
            name: calibration_figures(side, calibrations)["ece"]
            for name, side in (("home", [a for a, _ in cut]), ("away", [b for _, b in cut]))
        }
    return result


def _cut(one: Case, other: Case) -> tuple[Case, Case]:
    """Both with as many things, and with the queries that still have an answer, as many in each."""
    things = min(len(one.targets), len(other.targets))
    kept = [_things(case, things) for case in (one, other)]
    queries = min(len(case.queries) for case in kept)
    first, second = (_queries(case, queries) for case in kept)
    return first, second


def _things(case: Case, count: int) -> Case:
    rng = np.random.default_rng(SEED)
    picked = np.sort(rng.permutation(len(case.targets))[:count])
    parts = np.isin(case.targets.owner, picked)
    owner = np.unique(case.targets.owner[parts], return_inverse=True)[1]
    targets = Things(case.targets.parts[parts], owner)
    if case.itself:  # the queries are the things: they go together
        return _answered(
            replace(
                case,
                queries=case.queries[picked],
                targets=targets,
                right=case.right[np.ix_(picked, picked)],
                groups=case.groups[picked],
            )
        )
    return _answered(replace(case, targets=targets, right=case.right[:, picked]))


def _answered(case: Case) -> Case:
    return case if case.itself else _rows(case, np.flatnonzero(case.right.any(axis=1)))


def _queries(case: Case, count: int) -> Case:
    if case.itself or len(case.queries) <= count:
        return case
    return _rows(case, np.sort(np.random.default_rng(SEED).permutation(len(case.queries))[:count]))


def _rows(case: Case, rows: npt.NDArray[np.int64]) -> Case:
    return replace(
        case,
        queries=case.queries[rows],
        right=case.right[rows],
        groups=case.groups[rows],
        words=tuple(case.words[row] for row in rows) if case.words else (),
    )


def _difference(
    own: Numbers, own_groups: npt.NDArray[np.int64], far: Numbers, far_groups: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """The 95 % interval of the difference of two independent means, groups drawn together."""
    rng = np.random.default_rng(SEED)
    means = [
        _resampled(values, groups, rng) for values, groups in ((own, own_groups), (far, far_groups))
    ]
    low, high = np.quantile(means[0] - means[1], _TAILS)
    return round(float(low), 4), round(float(high), 4)


def _resampled(values: Numbers, groups: npt.NDArray[np.int64], rng: np.random.Generator) -> Numbers:
    place = np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(place, weights=values), np.bincount(place).astype(np.float64)
    kinds, often = np.unique(np.stack([sums, counts], axis=1), axis=0, return_counts=True)
    drawn = rng.multinomial(len(sums), often / len(sums), size=RESAMPLES)
    means: Numbers = (drawn @ kinds[:, 0]) / (drawn @ kinds[:, 1])
    return means
