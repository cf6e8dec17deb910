"""A candidate beside the present model on the same cases: comparison and findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.base import Vectors
from retrieval.evaluation import findings as f
from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Case
from retrieval.evaluation.paired import PairComparison, pair_compared, primary_figure

Said = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One model on some data: its cases, its calibrations, and the vectors of the data themselves.

    ``labelled``: a query has several right answers. ``own`` is by modality.
    """

    ref: str
    cases: Sequence[Case]
    labelled: bool
    calibrations: Calibrations | None
    own: Mapping[str, Vectors]


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


def comparison_json(present: str, comparisons: Sequence[PairComparison]) -> Said:
    """``{"against", "pairs"}`` as it is kept in the candidate's result."""
    return {"against": present, "pairs": {one.pair: one.to_json() for one in comparisons}}
