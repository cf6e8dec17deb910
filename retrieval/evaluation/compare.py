"""A candidate beside the present model on the same cases: comparison and findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.base import Vectors
from retrieval.evaluation import findings as f
from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Case
from retrieval.evaluation.named import Named
from retrieval.evaluation.paired import PairComparison, pair_compared, primary_figure

Said = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One model on some data: its cases, its calibrations, and the vectors of the data themselves.

    ``labelled``: a query has several right answers. ``own`` is by modality. ``named`` is in order
    of ``cases``.
    """

    ref: str
    cases: Sequence[Case]
    labelled: bool
    calibrations: Calibrations | None
    own: Mapping[str, Vectors]
    named: Sequence[Named] = ()


def own_findings(
    measured: Measured, *, ece: float | None, present: float | None
) -> list[f.Finding]:
    """What the data say of one model by itself; ``ece`` its calibration error on them."""
    found = [
        *f.enough(measured.cases),
        *f.calibrated(measured.cases, measured.calibrations, error=ece, present=present),
    ]
    for case in measured.cases:
        figure = primary_figure(labelled=measured.labelled, targets=case.right.shape[1])
        found += f.understood(case, figure)
    for modality, vectors in measured.own.items():
        found += f.known(modality, vectors, measured.calibrations)
    return found


def side_by_side(candidate: Measured, present: Measured) -> list[PairComparison]:
    """Every pair of modalities that both models answer, on the same queries and targets."""
    theirs = {case.name: case for case in present.cases}
    return [
        pair_compared(
            pair=case.name,
            figure=primary_figure(labelled=candidate.labelled, targets=case.right.shape[1]),
            right=case.right,
            candidate=case.similarities,
            present=theirs[case.name].similarities,
            groups=case.groups.tolist(),
        )
        for case in candidate.cases
        if case.name in theirs
    ]


def comparison_json(
    present: str, comparisons: Sequence[PairComparison], result: Mapping[str, Any]
) -> Said:
    """``{"against", "pairs", "present"}`` as it is kept in the candidate's result.

    ``present`` has the figures of the other model's ``result`` that tasks may have margins on.
    """
    kept = ("pairs", "calibration", "abstention", "latency_ms")
    figures = {
        part: {name: one for name, one in result[part].items() if _figure(one)}
        for part in kept
        if part in result
    }
    return {
        "against": present,
        "pairs": {one.pair: one.to_json() for one in comparisons},
        "present": figures,
    }


def _figure(value: object) -> bool:
    """Whether it is a number, or the numbers of a pair; curves and bins are kept once only."""
    if isinstance(value, dict):
        return all(isinstance(one, int | float) for one in value.values())
    return isinstance(value, int | float)
