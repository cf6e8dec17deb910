"""Figures of answered lists against hand-worked cases."""

from __future__ import annotations

import math

import pytest

from retrieval.evaluation.lists import (
    Listed,
    list_certainty,
    list_failures,
    list_figures,
    list_latency,
)


def listed(name: str, right: dict[str, str], found: str, said: float = 0.9, sure: bool = True):
    count = len(found)
    return Listed(
        name, f"where is {name}", right, tuple(found), (said,) * count, (sure,) * count, 10.0
    )


FIRST = listed("one", {"a": "image", "x": "audio"}, "abc")  # right at 1, another never found
SECOND = listed("two", {"c": "image"}, "abc", 0.6, sure=False)  # right at 3
NOTHING = listed("three", {"d": "audio"}, "")


def test_figures_count_what_was_missed() -> None:
    found = list_figures([FIRST, SECOND, NOTHING], targets=30)
    fused = found["fused"]
    assert (fused["queries"], fused["targets"]) == (3, 30)
    assert (fused["recall@1"], fused["recall@5"]) == (0.3333, 0.6667)
    # Two right answers, one of them at rank 1: 1/2. One at rank 3: 1/3. None: 0.
    assert fused["map@10"] == pytest.approx((1 / 2 + 1 / 3) / 3, abs=1e-4)
    assert fused["mrr"] == pytest.approx((1 + 1 / 3) / 3, abs=1e-4)
    ideal = 1 + 1 / math.log2(3)
    assert fused["ndcg@10"] == pytest.approx((1 / ideal + 1 / math.log2(4)) / 3, abs=1e-4)
    assert fused["median_rank"] == 3
    # By what is right: the sound of the first question was not found.
    assert found["fused-image"]["recall@1"] == 0.5
    assert (found["fused-audio"]["queries"], found["fused-audio"]["recall@10"]) == (2, 0.0)


def test_certainty_of_what_was_said_and_held() -> None:
    found = list_certainty([FIRST, SECOND, NOTHING], [NOTHING, listed("x", {}, "a")])
    # 0.9 three times, right once; 0.6 three times, right once.
    assert found["calibration"]["pairs"] == 6
    assert found["calibration"]["ece"] == pytest.approx(
        (abs(0.9 - 1 / 3) + abs(0.6 - 1 / 3)) / 2, abs=1e-4
    )
    assert sum(b[4] for b in found["calibration"]["bins"]) == 6
    assert found["abstention"]["answerable_kept"] == 0.5
    assert found["abstention"]["unanswerable_held"] == 0.5
    assert found["abstention"]["risk"] == 0.0


def test_failures_of_lists_hold_ids_only() -> None:
    summary, records = list_failures([FIRST, SECOND, NOTHING] * 2)
    assert summary["hubness"]["hubs"][0]["id"] in "abc"
    worst = [one for one in records if one.kind == "worst"]
    assert [one.body["asked"] for one in worst] == ["three", "three", "two", "two"]
    assert worst[2].body["rank"] == 3
    assert all("words" not in one.body for one in records)
    assert list_latency([FIRST]) == {"p50": 10.0, "p95": 10.0, "p99": 10.0}
