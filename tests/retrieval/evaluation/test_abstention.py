"""Which queries get a confident answer, counted on vectors small enough to reason about."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.alignment.hopeless_texts import hopeless_texts
from retrieval.calibration import FEATURES, Line, PairCalibration
from retrieval.evaluation.abstention import EACH, abstention, auroc
from retrieval.evaluation.calibration_figures import Calibrations, calibration_figures
from retrieval.evaluation.cases import Case, Things
from retrieval.evaluation.unanswerable import absent_topics, gibberish, texts_kept

KINDS = {
    "random letters",
    "keyboard",
    "random words",
    "digits",
    "emoji",
    "other scripts",
    "markup",
    "repeated signs",
}
SIDE = 20


def line(similarity: float, bias: float) -> Line:
    return Line((0.0, similarity, *[0.0] * (len(FEATURES) - 2)), bias)


@pytest.fixture
def case() -> Case:
    """Twenty things; the query of each is it, but for four whose things are out of reach."""
    things = np.eye(SIDE, SIDE + 2, dtype=np.float32)
    queries = things.copy()
    queries[:4] = np.eye(SIDE + 2, dtype=np.float32)[-1]
    right = np.eye(SIDE, dtype=bool)
    right[:4] = False
    right[:4, -1] = True  # among things that are all as far away: the last of them
    return Case("text", "image", queries, Things.single(things), right, np.arange(SIDE))


@pytest.fixture
def found() -> Calibrations:
    """Right by a similarity of 1, a match from 0.5 on."""
    bank = np.random.default_rng(0).normal(size=(16, SIDE + 2)).astype(np.float32)
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    pair = PairCalibration(line(30.0, -15.0), threshold=0.5, match=line(20.0, -10.0))
    return Calibrations({("text", "image"): pair}, {"image": bank, "text": bank})


def nowhere(texts: list[str]) -> np.ndarray:
    """Every text in a direction that no thing has."""
    return np.tile(np.eye(SIDE + 2, dtype=np.float32)[-2], (len(texts), 1))


def test_what_is_kept_and_what_is_held(case: Case, found: Calibrations) -> None:
    result = abstention(case, nowhere, found)
    assert (result["answerable"], result["answerable_kept"]) == (16, 1.0)
    assert set(result["held_by_kind"]) == KINDS
    assert result["unanswerable_held"] == result["absent_held"] == 1.0
    assert result["auroc_gibberish"] == result["auroc_absent"] == 1.0
    assert result["near_misses"] == {"queries": 16, "held": 1.0, "auroc": 1.0}
    assert result["risk"] == 0.0
    at_the_bar = next(point for point in result["curve"] if point["bar"] == 0.0)
    assert (at_the_bar["kept"], at_the_bar["held"], at_the_bar["threshold_share"]) == (
        1.0,
        1.0,
        0.8,
    )
    lowest = result["curve"][0]
    assert (lowest["kept"], lowest["held"], lowest["risk"]) == (1.0, 0.0, 0.2)


def test_an_encoder_that_takes_nonsense_for_something_is_found_out(
    case: Case, found: Calibrations
) -> None:
    result = abstention(case, lambda texts: np.tile(case.queries[7], (len(texts), 1)), found)
    assert result["unanswerable_held"] == 0.0
    assert result["auroc_absent"] == 0.5


def test_calibration_is_told_for_all_hits_and_by_pair(case: Case, found: Calibrations) -> None:
    result = calibration_figures([case], found)
    assert result["pairs"] == 10 * SIDE
    assert result["by_pair"]["text-image"]["ece"] == result["ece"] < 0.01
    assert sum(count for *_, count in result["bins"]) == 10 * SIDE
    assert calibration_figures([case], Calibrations({})) == {"ece": None, "pairs": 0}


def test_auroc_on_known_cases() -> None:
    high, low = np.array([2.0, 3.0]), np.array([0.0, 1.0])
    assert auroc(high, low) == 1.0
    assert auroc(low, high) == 0.0
    assert auroc(high, high) == 0.5
    assert auroc(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == 0.625
    assert auroc(high, low[:0]) is None


def test_what_is_asked_is_always_the_same_and_was_in_no_fit() -> None:
    asked = gibberish(EACH, seed=7)
    assert asked == gibberish(EACH, seed=7)
    assert set(asked) == KINDS
    assert all(len(texts) == EACH and all(texts) for texts in asked.values())
    fitted = set(hopeless_texts(30, seed=20261121, words=["anchor"]))
    assert not fitted & {text for texts in asked.values() for text in texts}
    assert not fitted & {*absent_topics("image"), *absent_topics("audio")}
    assert not set(texts_kept()["heard"]) & set(absent_topics("audio"))
    assert set(texts_kept()["seen"]) < set(absent_topics("audio"))
