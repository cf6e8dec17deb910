"""What the probabilities of an evaluated model are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval import metrics
from retrieval.calibration import PairCalibration
from retrieval.encoders.base import Vectors
from retrieval.evaluation.cases import Case

JUDGED = 10  # hits of a query that calibration is measured on


@dataclass(frozen=True)
class Calibrations:
    """Fitted pairs by (query modality, target modality), and the reference bank by modality."""

    pairs: Mapping[tuple[str, str], PairCalibration]
    bank: Mapping[str, Vectors]

    def of(self, case: Case) -> PairCalibration | None:
        """The pair of ``case``; None if it was not fitted or has no bank."""
        return self.pairs.get((case.asked, case.target)) if case.target in self.bank else None


def calibration_figures(cases: Sequence[Case], found: Calibrations) -> dict[str, Any]:
    """Calibration error over the first hits of every query of every fitted pair."""
    said, true = [], []
    for case in cases:
        pair = found.of(case)
        if pair is None or case.itself:
            continue
        similarities = case.similarities
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :JUDGED]
        bank = case.queries @ found.bank[case.target].T
        for row in range(len(order)):
            said.append(pair.probability(similarities[row, order[row]], bank=bank[row]))
            true.append(case.right[row, order[row]])
    if not said:
        return {"ece": None, "pairs": 0}
    error = metrics.calibration_error(np.concatenate(said), np.concatenate(true))
    return {"ece": round(error, 4), "pairs": int(sum(len(part) for part in said))}
