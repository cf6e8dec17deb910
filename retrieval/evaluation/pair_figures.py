"""How well queries of one modality find things of another. Pure numpy."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from retrieval import metrics
from retrieval.evaluation.cases import Case

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
        "ndcg@10": float,
        "median_rank": float,
    },
)


def pair_figures(case: Case) -> PairFigures:
    """Recall, mAP, MRR, nDCG, and the median rank of the first right answer."""
    hits = metrics.ranked(case.similarities, case.right)
    return {
        "queries": len(hits),
        "targets": case.right.shape[1],
        "recall@1": round(metrics.recall_at(hits, 1), 4),
        "recall@5": round(metrics.recall_at(hits, 5), 4),
        "recall@10": round(metrics.recall_at(hits, 10), 4),
        "map@10": round(metrics.mean_average_precision_at(hits, 10), 4),
        "mrr": round(metrics.mean_reciprocal_rank(hits), 4),
        "ndcg@10": round(metrics.ndcg_at(hits, 10), 4),
        "median_rank": metrics.median_rank(hits),
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
