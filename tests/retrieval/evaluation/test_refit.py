"""What votes change about a calibration: little from few, towards the truth from many."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.calibration import Asked, Line, PairCalibration, logistic, logit
from retrieval.evaluation.refit import LEAST_VOTES, Votes, moved, refit, too_few

CURVE = PairCalibration(
    Line((0.0, 10.0, 0.0, 0.0, 0.0, 0.0), -3.0),
    threshold=0.5,
    match=Line((0.0, 8.0, 0.0, 0.0, 0.0, 0.0), -2.0),
)


def votes(count: int, *, truth: float, voters: int = 6, seed: int = 0) -> Votes:
    """Votes on hits that are right with log-odds ``truth`` above what was said."""
    rng = np.random.default_rng(seed)
    said = rng.uniform(0.05, 0.9, count)
    return Votes(
        said=said,
        right=rng.random(count) < logistic(logit(said) + truth),
        weights=np.ones(count),
        voters=rng.integers(0, voters, count),
    )


def test_many_votes_move_the_curve_to_what_is_true():
    found = refit(votes(2000, truth=-1.2))
    assert found.by == pytest.approx(-1.2, abs=0.25)
    assert found.slope == pytest.approx(1.0, abs=0.15)
    assert found.bar_by == pytest.approx(1.2, abs=0.35)
    assert found.better
    assert found.after.ece < 0.04 < found.before.ece


def test_few_votes_move_it_less():
    few, many = (refit(votes(count, truth=-2.0)) for count in (30, 1000))
    assert abs(few.by) < abs(many.by)
    assert refit(votes(1000, truth=0.0)).by == pytest.approx(0.0, abs=0.2)


def test_votes_of_one_person_are_not_tested_on_that_person():
    # One of three says the contrary of the others: nobody else's votes foretell it.
    some = votes(300, truth=0.0, voters=3)
    contrary = some.voters == 0
    odd = Votes(
        some.said, np.where(contrary, some.said < 0.5, some.right), some.weights, some.voters
    )
    assert refit(odd).after.log_loss > refit(some).after.log_loss


def test_too_few_votes_are_refused_with_the_reason():
    assert "people" in too_few(votes(200, truth=0.0, voters=2))
    assert "votes" in too_few(votes(int(LEAST_VOTES) - 1, truth=0.0))
    few_wrong = votes(100, truth=0.0)
    assert "kind" in too_few(
        Votes(few_wrong.said, np.arange(100) > 3, few_wrong.weights, few_wrong.voters)
    )
    assert too_few(votes(100, truth=0.0)) == ""


def test_a_moved_curve_still_rises_and_asks_more_of_a_match():
    found = refit(votes(2000, truth=-1.2))
    after = moved(CURVE, found)
    asked = Asked(np.random.default_rng(0).normal(0.1, 0.05, 64))
    hits = np.linspace(-1, 1, 41)
    said = after.probability(hits, asked)
    assert (np.diff(said) >= 0).all()
    assert (said[20:] < CURVE.probability(hits, asked)[20:]).all()
    matches = [
        int((one.probability(hits, asked) >= one.least(asked)).sum()) for one in (CURVE, after)
    ]
    assert matches[1] < matches[0]
