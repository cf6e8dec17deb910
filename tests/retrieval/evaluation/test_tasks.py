"""What a run says of a declared task."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrieval.evaluation.tasks import Task, task_findings, verdict_of

DECLARED = datetime(2026, 3, 1, tzinfo=UTC)
LATER = DECLARED + timedelta(days=1)
TASK = Task("0" * 32, "photos by words", 1, "text-image", "recall@10", 0.5, None, DECLARED)
RESULT = {
    "labels": "labelled",
    "pairs": {"text-image": {"queries": 40, "recall@10": 0.6, "median_rank": 3.0}},
    "calibration": {"ece": 0.04},
    "comparison": {"present": {"pairs": {"text-image": {"recall@10": 0.7}}}},
}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "met"),
        ({"bound": 0.6}, "met"),
        ({"bound": 0.61}, "not_met"),
        ({"margin": 0.1}, "met"),
        ({"margin": 0.05}, "not_met"),
        ({"figure": "median_rank", "bound": 3.0}, "met"),
        ({"figure": "median_rank", "bound": 2.0}, "not_met"),
        ({"figure": "calibration_error", "pair": "", "bound": 0.05}, "met"),
        ({"figure": "calibration_error", "pair": "", "bound": 0.03}, "not_met"),
        ({"figure": "answerable_kept", "pair": ""}, "not_measured"),
        ({"pair": "text-audio"}, "not_measured"),
        ({"declared_at": LATER}, "not_measured"),
    ],
)
def test_verdicts(changed, verdict) -> None:
    assert verdict_of(replace(TASK, **changed), RESULT, ran_at=LATER).verdict == verdict


def test_what_was_measured_first_and_declared_afterwards_does_not_count() -> None:
    found = verdict_of(TASK, RESULT, ran_at=DECLARED)
    assert (found.verdict, found.value) == ("not_measured", 0.6)
    assert "before it was declared" in found.detail


def test_weak_labels_and_few_queries_do_not_count() -> None:
    assert verdict_of(TASK, {**RESULT, "labels": "titles"}, ran_at=LATER).verdict == "not_measured"
    few = {**RESULT, "pairs": {"text-image": {"queries": 19, "recall@10": 1.0}}}
    found = verdict_of(TASK, few, ran_at=LATER)
    assert (found.verdict, found.detail) == ("not_measured", "19 queries; 20 are needed.")


def test_findings_name_no_task() -> None:
    verdicts = [
        verdict_of(replace(TASK, bound=0.9), RESULT, ran_at=LATER),
        verdict_of(TASK, RESULT, ran_at=DECLARED),
        verdict_of(TASK, RESULT, ran_at=LATER),
    ]
    found = task_findings(verdicts)
    assert [one.code for one in found] == ["task-not-met", "task-not-measured"]
    assert all(one.gates and "photos" not in one.detail + one.where for one in found)
    assert found[0].detail == "recall@10 0.600, at least 0.9."
