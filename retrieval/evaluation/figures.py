"""The figures of an evaluation, counted on cases; the keys are the contract's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrieval.evaluation.abstention import Encode, abstention
from retrieval.evaluation.calibration_figures import Calibrations, calibration_figures
from retrieval.evaluation.cases import Case
from retrieval.evaluation.pair_figures import pair_figures, zero_shot

LATENCY_QUERIES = 50


def figures(
    cases: Sequence[Case],
    *,
    labelled: bool,
    calibrations: Calibrations | None,
    text: Encode,
    sentences: Sequence[str],
) -> dict[str, Any]:
    """``pairs`` and whatever else the cases give of the contract's result.

    ``cases[0]`` is asked in words; ``sentences`` are what was asked; ``text`` embeds more of them.
    """
    result: dict[str, Any] = {"pairs": {case.name: pair_figures(case) for case in cases}}
    if labelled:
        result["zero_shot"] = zero_shot(cases[0])
    if calibrations is not None:
        result["calibration"] = calibration_figures(cases, calibrations)
        if calibrations.of(cases[0]) is not None:
            result["abstention"] = abstention(cases[0], text, calibrations)
    result["latency_ms"] = latency(cases[0], text, sentences)
    return result


def latency(case: Case, text: Encode, sentences: Sequence[str]) -> dict[str, float]:
    """Milliseconds from one text to its ranked hits, as ``text`` embeds it."""
    times = []
    for sentence in sentences[:LATENCY_QUERIES]:
        started = time.perf_counter()
        np.argsort(-(text([sentence]) @ case.targets.parts.T), axis=1)
        times.append((time.perf_counter() - started) * 1000)
    return {
        "p50": round(float(np.quantile(times, 0.5)), 1),
        "p95": round(float(np.quantile(times, 0.95)), 1),
        "p99": round(float(np.quantile(times, 0.99)), 1),
    }
