"""The rule by which a model is worse: intervals that hold, chance that is exact."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.evaluation.paired import (
    chance,
    interval,
    pair_compared,
    primary_figure,
    scores,
)
from retrieval.evaluation.shift import far_share

rng = np.random.default_rng(3)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("figure", ["recall@1", "recall@10", "map@10"])
@pytest.mark.parametrize("right", [1, 3, 12])
def test_chance_is_what_random_rankings_reach(figure, right):
    truth = np.zeros((1, 30), bool)
    truth[0, :right] = True
    many = np.broadcast_to(truth, (20_000, 30))
    random = np.random.default_rng(5).random((20_000, 30))
    assert chance(truth, figure) == pytest.approx(scores(random, many, figure).mean(), abs=0.01)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(1)
    held = 0
    for turn in range(200):
        found = interval(draws.random(120) < 0.3, range(120), seed=turn)
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 200  # 95 %, and the noise of 200 turns


def test_what_belongs_together_counts_as_one():
    values = np.repeat(rng.random(40) < 0.5, 5).astype(float)
    apart = interval(values, range(200))
    together = interval(values, np.repeat(np.arange(40), 5))
    assert together.value == apart.value
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def compare(candidate: np.ndarray, present: np.ndarray, *, figure="recall@1"):
    right = np.eye(len(candidate), dtype=bool)
    return pair_compared(
        pair="text-image",
        figure=figure,
        right=right,
        candidate=candidate,
        present=present,
        groups=range(len(candidate)),
    )


def similarities(queries: int, good: float) -> np.ndarray:
    """The right answer comes first for this share of the queries."""
    found = np.zeros((queries, queries))
    np.fill_diagonal(found, np.where(np.arange(queries) < good * queries, 1.0, -1.0))
    return found


def test_the_same_model_is_never_worse():
    found = compare(similarities(100, 0.6), similarities(100, 0.6))
    assert (found.verdict, found.difference.low, found.difference.high) == ("same", 0.0, 0.0)


def test_better_and_worse_are_told_apart():
    assert compare(similarities(200, 0.7), similarities(200, 0.5)).verdict == "better"
    assert compare(similarities(200, 0.5), similarities(200, 0.7)).verdict == "worse"


def test_few_queries_do_not_excuse_a_deep_fall():
    mixed = similarities(12, 0.5)[:, ::-1][::-1]  # right where the present one is wrong
    found = compare(mixed, similarities(12, 7 / 12))
    assert found.difference.low < 0 < found.difference.high
    assert found.verdict == "worse"
    near = compare(similarities(100, 0.58), similarities(100, 0.6))
    assert near.verdict == "same"  # two queries of a hundred lost: no more than chance does


def test_labels_and_small_sets_have_figures_of_their_own():
    assert primary_figure(labelled=True, targets=5000) == "map@10"
    assert primary_figure(labelled=False, targets=5000) == "recall@10"
    assert primary_figure(labelled=False, targets=20) == "recall@1"


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="equal shapes"):
        compare(np.zeros((3, 3)), np.zeros((4, 4)))


def test_like_data_are_near_and_other_data_far():
    centre = rng.normal(size=16)
    bank = unit(centre + 0.4 * rng.normal(size=(200, 16)))
    like = unit(centre + 0.4 * rng.normal(size=(300, 16)))
    other = unit(rng.normal(size=(300, 16)))
    assert far_share(like, bank) < 0.15
    assert far_share(other, bank) > 0.9
    assert far_share(like, bank[:5]) is None
    assert far_share(like[:0], bank) is None
