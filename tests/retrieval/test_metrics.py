from __future__ import annotations

import math

import numpy as np
import pytest

from retrieval import metrics

HITS = np.array([[True, False, False], [False, True, True], [False, False, False]])


def test_ranked_puts_the_most_similar_first_and_keeps_ties() -> None:
    similarities = np.array([[0.1, 0.9, 0.9]])
    relevant = np.array([[True, False, True]])
    assert metrics.ranked(similarities, relevant).tolist() == [[False, True, True]]


@pytest.mark.parametrize(("k", "wanted"), [(1, 1 / 3), (2, 2 / 3), (3, 2 / 3)])
def test_recall(k: int, wanted: float) -> None:
    assert metrics.recall_at(HITS, k) == pytest.approx(wanted)


def test_average_precision() -> None:
    # Second query: precision 1/2 at rank 2, 2/3 at rank 3, two right answers.
    assert metrics.average_precision_at(HITS, 3) == pytest.approx([1.0, (1 / 2 + 2 / 3) / 2, 0.0])
    # Cut at 2: both could be there, one is.
    assert metrics.average_precision_at(HITS, 2) == pytest.approx([1.0, 0.25, 0.0])
    assert metrics.mean_average_precision_at(HITS, 3) == pytest.approx((1 + 7 / 12) / 3)


def test_reciprocal_rank_and_precision() -> None:
    assert metrics.mean_reciprocal_rank(HITS) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert metrics.precision_at(HITS, 2) == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)


def test_calibration_error() -> None:
    assert metrics.calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0
    said, right = np.full(4, 0.75), np.array([True, True, True, False])
    assert metrics.calibration_error(said, right) == pytest.approx(0)
    assert metrics.calibration_error(said, ~right) == pytest.approx(0.5)


def test_ranks_and_discounted_gain() -> None:
    # Firsts at 1 and 2; the third query finds nothing among three.
    assert metrics.first_rank(HITS).tolist() == [1, 2, 4]
    assert metrics.median_rank(HITS) == 2
    second = (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    assert metrics.ndcg_each(HITS, 3) == pytest.approx([1, second, 0])
    # Cut at 2 the ideal holds two right answers, of which one is found, at the second place.
    assert metrics.ndcg_each(HITS, 2)[1] == pytest.approx(
        (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    )
    assert metrics.ndcg_at(HITS, 3) == pytest.approx((1 + second) / 3)
    assert metrics.ndcg_at(HITS, 10) == metrics.ndcg_at(HITS, 3)


def test_reliability_cuts_into_equal_masses() -> None:
    said = np.array([0.9, 0.1, 0.8, 0.2])
    right = np.array([True, False, False, False])
    low, high = metrics.reliability(said, right, 2)
    assert (low.low, low.high, low.count, low.true) == (0.1, 0.2, 2, 0)
    assert (high.low, high.high, high.count, high.true) == (0.8, 0.9, 2, 0.5)
    assert (low.said, high.said) == pytest.approx((0.15, 0.85))
    assert metrics.equal_mass_error(said, right, 2) == pytest.approx((0.15 + 0.35) / 2)
    assert [one.count for one in metrics.reliability(np.linspace(0, 1, 47), np.ones(47) > 0)] == [
        4,
        4,
        *[3] * 13,
    ]
    # Fewer items than bins: one each.
    assert len(metrics.reliability(said, right, 15)) == 4


def test_reliability_of_equal_probabilities_does_not_depend_on_their_order() -> None:
    said = np.full(6, 0.5)
    for right in ([1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 0, 1]):
        found = metrics.reliability(said, np.array(right, dtype=bool), 3)
        assert [one.true for one in found] == pytest.approx([0.5] * 3)
        assert metrics.equal_mass_error(said, np.array(right, dtype=bool), 3) == pytest.approx(0)


def test_risk_rises_with_coverage() -> None:
    curve = metrics.risk_coverage(
        np.array([0.9, 0.5, 0.7, 0.5]), np.array([True, False, True, True])
    )
    assert [(one.threshold, one.coverage, one.risk) for one in curve] == [
        (0.9, 0.25, 0.0),
        (0.7, 0.5, 0.0),
        (0.5, 1.0, 0.25),  # both at once: nothing tells them apart
    ]
    many = metrics.risk_coverage(np.linspace(0, 1, 501), np.ones(501, dtype=bool), points=5)
    assert [round(one.coverage * 501) for one in many] == [1, 126, 251, 376, 501]
    assert metrics.risk_coverage(np.zeros(0), np.zeros(0, dtype=bool)) == []


def test_hubs_are_counted() -> None:
    similarities = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.1, 0.6]])
    assert metrics.occurrences(similarities, 1).tolist() == [3, 0, 0]
    assert metrics.occurrences(similarities, 2).tolist() == [3, 1, 2]
    # (1, 1, 4): off the mean by -1, -1, 2; third moment 2, spread sqrt(2).
    assert metrics.skewness(np.array([1, 1, 4])) == pytest.approx(2 / 2**1.5)
    assert metrics.skewness(np.array([2, 2])) == 0


def test_accuracy() -> None:
    assert metrics.accuracy(np.array([[0.2, 0.1], [0.0, 0.3]]), np.array([0, 0])) == 0.5


def test_nothing_measured_is_not_a_number() -> None:
    none = np.zeros((0, 3), dtype=bool)
    for value in (
        metrics.recall_at(none, 1),
        metrics.mean_average_precision_at(none, 1),
        metrics.mean_reciprocal_rank(none),
        metrics.precision_at(none, 1),
        metrics.calibration_error(np.zeros(0), np.zeros(0, dtype=bool)),
        metrics.median_rank(none),
        metrics.ndcg_at(none, 10),
        metrics.equal_mass_error(np.zeros(0), np.zeros(0, dtype=bool)),
        metrics.skewness(np.zeros(0)),
        metrics.accuracy(np.zeros((0, 2)), np.zeros(0, dtype=int)),
    ):
        assert math.isnan(value)
