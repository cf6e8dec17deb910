"""Whether an evaluated model says "nothing" where nothing answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from retrieval.encoders.base import Vectors
from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Case
from retrieval.evaluation.unanswerable import SENTENCES, nonsense

Encode = Callable[[Sequence[str]], Vectors]


def abstention(case: Case, text: Encode, found: Calibrations) -> dict[str, float]:
    """Shares of the dataset's text queries that get an answer, of hopeless ones that do not."""
    pair, bank = found.pairs[case.asked, case.target], found.bank[case.target]

    def answered(queries: Vectors) -> float:
        best = (queries @ case.targets.parts.T).max(axis=1)
        sure = [
            pair.probability(best[i : i + 1], bank=query @ bank.T)[0] >= pair.threshold
            for i, query in enumerate(queries)
        ]
        return float(np.mean(sure))

    hopeless = text([*SENTENCES, *nonsense(45, seed=7)])
    return {
        "answerable_kept": round(answered(case.queries), 4),
        "unanswerable_held": round(1 - answered(hopeless), 4),
    }
