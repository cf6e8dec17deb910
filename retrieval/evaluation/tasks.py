"""Declared tasks: what counts as good enough, and whether a run reaches it. Pure.

A task is written down before it is measured. A run made before its declaration says nothing about
it, nor does one on weak labels (titles) or with fewer than ``LEAST_QUERIES`` queries: those are
``not_measured``. Otherwise it is ``met`` if the figure reaches the bound and, where a margin is
declared and the run compares two models, falls behind the present model's by no more than that (a
non-inferiority margin, as in ICH E9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from retrieval.evaluation.findings import LEAST_QUERIES, Finding

Verdict = Literal["met", "not_met", "not_measured"]
FUSED = "fused"  # the one list that a search answers with
PAIR_FIGURES = ("recall@1", "recall@5", "recall@10", "map@10", "mrr", "ndcg@10", "median_rank")
# Where they lie in a result, for those that are of no pair.
_WHOLE = {
    "calibration_error": ("calibration", "ece"),
    "answerable_kept": ("abstention", "answerable_kept"),
    "unanswerable_held": ("abstention", "unanswerable_held"),
    "latency_p95_ms": ("latency_ms", "p95"),
}
WHOLE_FIGURES = tuple(_WHOLE)
FIGURES = (*PAIR_FIGURES, *WHOLE_FIGURES)
LOWER_IS_BETTER = frozenset({"median_rank", "calibration_error", "latency_p95_ms"})
SHARES = frozenset(FIGURES) - {"median_rank", "latency_p95_ms"}
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One declared version of a task; ``pair`` is empty for figures of no pair."""

    id: str
    name: str
    version: int
    pair: str
    figure: str
    bound: float
    margin: float | None
    declared_at: datetime

    @property
    def in_words(self) -> str:
        """``text to image recall@10 at least 0.6``."""
        side = "at most" if self.figure in LOWER_IS_BETTER else "at least"
        of = self.pair.replace("-", ", ") if FUSED in self.pair else self.pair.replace("-", " to ")
        said = f"{of} {self.figure.replace('_', ' ')} {side} {self.bound:g}".strip()
        if self.margin is None:
            return said
        return f"{said}, at most {self.margin:g} worse than the model in use"


@dataclass(frozen=True)
class TaskVerdict:
    """What one run says of one task; ``detail`` is a sentence of numbers only."""

    task: str
    name: str
    version: int
    pair: str
    figure: str
    bound: float
    margin: float | None
    verdict: Verdict
    value: float | None
    detail: str

    def to_json(self) -> dict[str, Any]:
        """As REST and ``evaluate --json`` give it."""
        return asdict(self)


def figure_in(result: Result, pair: str, figure: str) -> float | None:
    """The value of a figure in a result; None where it was not measured."""
    if figure in _WHOLE:
        part, key = _WHOLE[figure]
        value = (result.get(part) or {}).get(key)
    else:
        value = (result.get("pairs", {}).get(pair) or {}).get(figure)
    return None if value is None else float(value)


def verdict_of(task: Task, result: Result, *, ran_at: datetime) -> TaskVerdict:
    """What a run with ``result``, made at ``ran_at``, says of ``task``."""
    value = figure_in(result, task.pair, task.figure)
    why = _not_measured(task, result, ran_at, value)
    if why or value is None:
        return _said(task, "not_measured", value, why)
    sign = -1.0 if task.figure in LOWER_IS_BETTER else 1.0
    reached = sign * value >= sign * task.bound
    against = figure_in(result.get("comparison", {}).get("present", {}), task.pair, task.figure)
    detail = f"{task.figure} {value:.3f}, {'at most' if sign < 0 else 'at least'} {task.bound:g}"
    if task.margin is not None and against is not None:
        reached &= sign * value >= sign * against - task.margin
        detail += f"; {against:.3f} in use, margin {task.margin:g}"
    return _said(task, "met" if reached else "not_met", value, f"{detail}.")


def _not_measured(task: Task, result: Result, ran_at: datetime, value: float | None) -> str:
    if ran_at <= task.declared_at:
        return "Measured before it was declared, so it does not count."
    if value is None:
        return "The run has no such figure."
    if result.get("labels") == "titles":
        return "Measured by titles, which are weak labels, so it does not count."
    pairs = result.get("pairs", {})
    asked = [pairs.get(task.pair, {})] if task.figure in PAIR_FIGURES else list(pairs.values())
    queries = max((int(one.get("queries", 0)) for one in asked), default=0)
    if queries < LEAST_QUERIES:
        return f"{queries} queries; {LEAST_QUERIES} are needed."
    return ""


def _said(task: Task, verdict: Verdict, value: float | None, detail: str) -> TaskVerdict:
    return TaskVerdict(
        task=task.id,
        name=task.name,
        version=task.version,
        pair=task.pair,
        figure=task.figure,
        bound=task.bound,
        margin=task.margin,
        verdict=verdict,
        value=value,
        detail=detail,
    )


def task_findings(verdicts: list[TaskVerdict]) -> list[Finding]:
    """What declared tasks say against a promotion, without the names that people gave them."""
    codes = {"not_met": "task-not-met", "not_measured": "task-not-measured"}
    return [
        Finding(
            codes[one.verdict],
            f"{one.pair or one.figure} {one.task[:8]}",
            one.detail or "Not measured since it was declared.",
        )
        for one in verdicts
        if one.verdict != "met"
    ]
