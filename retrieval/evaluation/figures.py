"""The figures of an evaluation, counted on cases; the keys are the contract's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from retrieval import metrics
from retrieval.calibration import PairCalibration
from retrieval.encoders.base import Vectors
from retrieval.evaluation.cases import Case
from retrieval.evaluation.unanswerable import SENTENCES, nonsense

JUDGED = 10  # hits of a query that calibration is measured on
LATENCY_QUERIES = 50
Encode = Callable[[Sequence[str]], Vectors]

PairFigures = TypedDict(
    "PairFigures",
    {
        "queries": int,
        "targets": int,
        "recall@1": float,
        "recall@5": float,
        "recall@10": float,
        "map@10": float,
        "mrr": float,
    },
)


@dataclass(frozen=True)
class Calibrations:
    """Fitted pairs by (query modality, target modality), and the reference bank by modality."""

    pairs: Mapping[tuple[str, str], PairCalibration]
    bank: Mapping[str, Vectors]

    def of(self, case: Case) -> PairCalibration | None:
        """The pair of ``case``; None if it was not fitted or has no bank."""
        return self.pairs.get((case.asked, case.target)) if case.target in self.bank else None


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


def pair_figures(case: Case) -> PairFigures:
    """Recall, mAP and MRR."""
    hits = metrics.ranked(case.similarities, case.right)
    return {
        "queries": len(hits),
        "targets": case.right.shape[1],
        "recall@1": round(metrics.recall_at(hits, 1), 4),
        "recall@5": round(metrics.recall_at(hits, 5), 4),
        "recall@10": round(metrics.recall_at(hits, 10), 4),
        "map@10": round(metrics.mean_average_precision_at(hits, 10), 4),
        "mrr": round(metrics.mean_reciprocal_rank(hits), 4),
    }


def zero_shot(case: Case) -> dict[str, float]:
    """Share of items whose label is the most similar of all labels; ``case`` is labels → items."""
    best = case.similarities.T.argmax(axis=1)
    right = case.right.T[np.arange(len(best)), best]
    return {
        "labels": len(case.queries),
        "items": len(best),
        "accuracy": round(float(right.mean()), 4),
    }


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
    }
