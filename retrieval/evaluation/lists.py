"""Figures of answered lists: what users get from search itself, fused over spaces. Pure numpy.

A list is cut at ten. What would have come later is not known, so ranks beyond count as "not
found", and mean reciprocal rank is cut there too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval import metrics
from retrieval.evaluation import slices
from retrieval.evaluation.failures import HUBS, WORST, CaseRecord, Language
from retrieval.evaluation.tasks import FUSED

FIRST = 10
_SHOWN = 5
NOTE = "Labels are incomplete: a hit that nobody labelled counts as wrong although it may be right."


@dataclass(frozen=True)
class Listed:
    """One question with its answer: ids of hits, best first, ten at most.

    ``right`` are all that answer it, with their modality. ``confidence`` and ``match`` are those of
    each hit; ``ms`` is how long the search took.
    """

    id: str
    words: str
    right: dict[str, str]
    found: tuple[str, ...]
    confidence: tuple[float, ...]
    match: tuple[bool, ...]
    ms: float

    @property
    def flags(self) -> list[bool]:
        """Which hits are right."""
        return [one in self.right for one in self.found]

    @property
    def confident(self) -> bool:
        """Whether it answered at all."""
        return any(self.match)


def list_figures(answered: Sequence[Listed], *, targets: int) -> dict[str, Any]:
    """``pairs`` of a result: ``fused``, and ``fused-image`` etc. by what is right."""
    kinds = sorted({kind for one in answered for kind in one.right.values()})
    by_kind = {
        f"{FUSED}-{kind}": [_only(one, kind) for one in answered if kind in one.right.values()]
        for kind in kinds
    }
    return {
        name: _figures(some, targets) for name, some in ({FUSED: list(answered)} | by_kind).items()
    }


def _only(one: Listed, kind: str) -> Listed:
    right = {name: own for name, own in one.right.items() if own == kind}
    return Listed(one.id, one.words, right, one.found, one.confidence, one.match, one.ms)


def _figures(answered: Sequence[Listed], targets: int) -> dict[str, Any]:
    hits = _ranked(answered)
    cut = hits[:, :FIRST]
    return {
        "queries": len(hits),
        "targets": targets,
        "recall@1": round(metrics.recall_at(hits, 1), 4),
        "recall@5": round(metrics.recall_at(hits, 5), 4),
        "recall@10": round(metrics.recall_at(hits, FIRST), 4),
        "map@10": round(metrics.mean_average_precision_at(hits, FIRST), 4),
        "mrr": round(metrics.mean_reciprocal_rank(cut), 4),
        "ndcg@10": round(metrics.ndcg_at(hits, FIRST), 4),
        "median_rank": metrics.median_rank(cut),
    }


def _ranked(answered: Sequence[Listed]) -> metrics.Flags:
    """(questions, 10 + most missed): the hits, and behind them right answers not among them."""
    missed = [len(one.right) - sum(one.flags) for one in answered]
    flags = np.zeros((len(answered), FIRST + max(missed, default=0)), dtype=bool)
    for row, one in enumerate(answered):
        flags[row, : len(one.found)] = one.flags
        flags[row, FIRST : FIRST + missed[row]] = True
    return flags


def list_certainty(
    answered: Sequence[Listed], unanswerable: Sequence[Listed]
) -> dict[str, dict[str, Any]]:
    """``calibration`` over all hits and ``abstention``, with what labels cannot say beside it."""
    said = np.array([value for one in answered for value in one.confidence])
    true = np.array([flag for one in answered for flag in one.flags], dtype=bool)
    bins = metrics.reliability(said, true)
    best = np.array([max(one.confidence, default=0.0) for one in answered])
    first_right = np.array([any(one.flags) for one in answered], dtype=bool)
    sure = np.array([one.confident for one in answered], dtype=bool)
    held = [not one.confident for one in unanswerable]
    return {
        "calibration": {
            "ece": round(metrics.equal_mass_error(said, true), 4) if len(said) else None,
            "pairs": len(said),
            "bins": [
                [round(b.low, 4), round(b.high, 4), round(b.said, 4), round(b.true, 4), b.count]
                for b in bins
            ],
        },
        "abstention": {
            "answerable": int(first_right.sum()),
            "answerable_kept": round(float(sure[first_right].mean()), 4)
            if first_right.any()
            else None,
            "unanswerable_held": round(float(np.mean(held)), 4) if held else None,
            "risk": round(float((~first_right[sure]).mean()), 4) if sure.any() else None,
            "risk_coverage": [
                {"coverage": round(p.coverage, 4), "risk": round(p.risk, 4)}
                for p in metrics.risk_coverage(best, first_right, 21)
            ],
            "note": NOTE,
        },
    }


def list_latency(answered: Sequence[Listed]) -> dict[str, float]:
    """Percentiles of milliseconds a search."""
    times = [one.ms for one in answered]
    return {
        name: round(float(np.quantile(times, share)), 1)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


def list_failures(
    answered: Sequence[Listed], *, language: Language | None = None
) -> tuple[dict[str, Any], list[CaseRecord]]:
    """As ``failures.failures``, of lists: hubs, parts of the questions, the worst of them."""
    recalled = np.array([any(one.flags) for one in answered], dtype=float)
    scored = slices.Scored("recall@10", recalled, np.arange(len(answered)))
    words = [one.words for one in answered]
    parts = {"by_length": slices.by_length(scored, words)}
    if language is not None:
        parts["by_language"] = slices.by_language(scored, words, language)
    hubs = _hubs(answered)
    summary = {"hubness": hubs, **{name: part for name, part in parts.items() if part}}
    worst = sorted(answered, key=lambda one: (any(one.flags), one.id))
    records = [_record(one) for one in worst[:WORST] if not any(one.flags[:1])]
    for hub in hubs["hubs"]:
        by = [o.id for o in answered if hub["id"] in o.found and hub["id"] not in o.right]
        body = {**hub, "asked_by": by[:_SHOWN]}
        records.append(CaseRecord("hub", FUSED, body, (str(hub["id"]),)))
    return summary, records


def _hubs(answered: Sequence[Listed]) -> dict[str, Any]:
    """Counts among all that was found or asked for: what was never found is not known here."""
    times = Counter(one for each in answered for one in each.found)
    right = Counter(one for each in answered for one in each.found if one in each.right)
    known = {name for each in answered for name in (*each.found, *each.right)}
    counts = np.array([times[name] for name in sorted(known)])
    return {
        "k": FIRST,
        "skew": round(metrics.skewness(counts), 3) if len(counts) else 0.0,
        "never_found": round(float((counts == 0).mean()), 4) if len(counts) else 0.0,
        "hubs": [
            {
                "id": name,
                "times": count,
                "share": round(count / len(answered), 4),
                "answers": right[name],
            }
            for name, count in times.most_common(HUBS)
            if count > max(right[name], 1)
        ],
    }


def _record(one: Listed) -> CaseRecord:
    place = next((i + 1 for i, flag in enumerate(one.flags) if flag), None)
    shown = list(zip(one.found, one.flags, one.confidence, strict=True))[:_SHOWN]
    body = {
        "asked": one.id,
        "rank": place,
        "confident": one.confident,
        "right": [{"id": name} for name in list(one.right)[:_SHOWN]],
        "found": [{"id": name, "right": flag, "confidence": said} for name, flag, said in shown],
    }
    ids = dict.fromkeys([*list(one.right)[:_SHOWN], *(name for name, _, _ in shown)])
    return CaseRecord("worst", FUSED, body, tuple(ids))
