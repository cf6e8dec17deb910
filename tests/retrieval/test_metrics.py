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
        metrics.accuracy(np.zeros((0, 2)), np.zeros(0, dtype=int)),
    ):
        assert math.isnan(value)
