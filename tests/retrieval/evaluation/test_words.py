"""A result as a person reads it."""

from __future__ import annotations

from retrieval.evaluation.words import comparison_in_words, result_in_words

FIGURES = {
    "queries": 50,
    "targets": 400,
    "recall@1": 0.25,
    "recall@5": 0.5,
    "recall@10": 0.75,
    "map@10": 0.3,
    "mrr": 0.4,
    "ndcg@10": 0.45,
    "median_rank": 3.5,
}


def test_the_table_and_a_line_for_each_thing() -> None:
    result = {
        "model": "m@1",
        "dataset": "photos",
        "pairs": {"text-image": FIGURES},
        "calibration": {"ece": 0.031, "pairs": 900, "by_pair": {"text-image": {"ece": None}}},
        "abstention": {
            "answerable_kept": None,
            "unanswerable_held": 0.97,
            "auroc_absent": 0.91,
            "absent_held": 0.8,
            "near_misses": {"queries": 40, "held": 0.1},
        },
        "latency_ms": {"p50": 9.0, "p95": 12.0},
        "memory_mb": 700,
        "tasks": [{"name": "a task", "verdict": "not_met", "detail": "recall@10 0.750."}],
    }
    lines = result_in_words(result)
    assert lines[0] == "m@1 on photos"
    row = next(line for line in lines if line.startswith("text-image"))
    assert " ".join(row.split()) == "text-image 50 400 0.250 0.500 0.750 0.300 0.400 0.450 3.5"
    assert lines[3:] == [
        "calibration error 0.031 over 900 first hits",
        (
            "abstention: none of answerable queries keep their answer, 97.0% of unanswerable ones "
            "are held back"
        ),
        "  absent topics: AUROC 0.910, 80.0% held back",
        "  near misses (the right answer taken out, 40 queries): 10.0% held back",
        "a query: p50 9.0 ms, p95 12.0 ms; 700 MB",
        "task a task: not met. recall@10 0.750.",
    ]


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert result_in_words({"model": "m", "dataset": "d"}) == ["m on d"]
    assert comparison_in_words({}) == ["Nothing speaks against it."]
