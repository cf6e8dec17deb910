from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration import (
    Asked,
    CalibrationError,
    Line,
    PairCalibration,
    asked_of,
    features,
    logistic,
    logit,
)
from retrieval.encoders.bundle import BUILTIN, load_reference

LINE = Line((1.5, 2.0, -0.5, 1.0, -0.3, 0.2), -4.0)
MATCH = Line((0.5, 4.0, 0.0, 2.0, -1.0, 0.0), -3.0)
STEPS = ((-3.0, 0.02), (0.0, 0.3), (2.0, 0.3), (4.0, 0.9))
PLATT = PairCalibration(LINE, threshold=0.4)
GATED = PairCalibration(LINE, threshold=0.4, match=MATCH, bar=0.2)
STEPPED = PairCalibration(LINE, threshold=0.4, match=MATCH, knots=STEPS)
RNG = np.random.default_rng(0)
BANK = RNG.normal(0.1, 0.05, 256)
OWN, OTHER = RNG.normal(0.2, 0.1, (2, 64))
ASKED = Asked(BANK, own=OWN, other=OTHER, words=5)
MODALITIES = ("text", "image", "audio")


def builtin_pairs() -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = json.loads((BUILTIN / "calibration.json").read_bytes())["pairs"]
    return pairs


@pytest.mark.parametrize("pair", [PLATT, GATED, STEPPED])
@given(similarities=st.lists(st.floats(-1, 1), min_size=2, max_size=30))
def test_the_more_similar_hit_is_never_the_less_probable(
    pair: PairCalibration, similarities: list[float]
) -> None:
    found = pair.probability(np.sort(np.array(similarities)), ASKED)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(similarity=st.integers(-100, 100).map(lambda n: n / 100))
def test_a_hit_is_a_match_exactly_where_the_line_of_matches_is_not_below_zero(
    similarity: float,
) -> None:
    hit = np.array([similarity])
    for pair in (GATED, STEPPED):
        score = MATCH.scores(features(hit, ASKED))[0] - pair.bar
        assert score == pair.margin(hit, ASKED)[0]
        if abs(score) > 1e-9:
            assert (pair.probability(hit, ASKED)[0] >= pair.least(ASKED)) == (score > 0)


def test_no_hit_of_a_query_like_nothing_known_is_a_match() -> None:
    lost = Asked(BANK, own=np.full(64, -5.0), words=5)
    assert STEPPED.probability(np.array([1.0]), lost)[0] < STEPPED.least(lost)


def test_steps_are_followed_and_never_flat() -> None:
    hits = np.linspace(-1, 1, 201)
    before = logit(PairCalibration(LINE, 0.4, match=MATCH).probability(hits, ASKED))
    after = STEPPED.probability(hits, ASKED)
    said = 0.98 * np.interp(before, *np.array(STEPS).T) + 0.02 * logistic(before)
    assert after == pytest.approx(said)
    flat = (before > 0.1) & (before < 1.9)
    assert flat.sum() > 3
    assert (np.diff(after[flat]) > 0).all()


def test_a_query_that_nothing_could_answer_is_sure_of_nothing() -> None:
    lost = Asked(BANK, own=OWN - 3, other=OTHER, words=5)
    near = np.array([0.4])
    assert GATED.probability(near, lost)[0] < 0.2 * PLATT.probability(near, lost)[0]


def test_log_odds_are_moved() -> None:
    moved = GATED.shifted(slope=2.0, by=1.0, bar_by=0.5)
    hits = np.array([0.1, 0.3])
    before, after = (logit(one.probability(hits, ASKED)) for one in (GATED, moved))
    assert after == pytest.approx(2 * before + 1)
    assert moved.margin(hits, ASKED) == pytest.approx(GATED.margin(hits, ASKED) - 0.5)


def test_what_is_asked_of_a_query() -> None:
    banks = {
        name: rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for name in ("text", "text-image", "text-audio", "image", "audio")
        for rows in (RNG.normal(size=(20, 8)),)
    }
    query = banks["text-image"][0]
    seen = asked_of(query, banks, ("text", "image"), 2)
    heard = asked_of(query, banks, ("text", "audio"), 9)
    assert seen.own == pytest.approx(banks["text-image"] @ query)
    assert seen.other == pytest.approx(banks["text-audio"] @ query)
    assert heard.own == pytest.approx(seen.other)
    assert (seen.features[3], heard.features[3]) == (1.0, 0.0)
    texts = asked_of(query, banks, ("text", "text"), 5)
    assert texts.own == pytest.approx(banks["text"] @ query)
    assert texts.other is None
    assert asked_of(query, banks, ("image", "text")).words is None


def test_the_first_version_still_loads() -> None:
    first = {
        "version": 1,
        "weights": {"z": 1.5, "similarity": 2.0, "peak": -0.5},
        "bias": -4.0,
        "threshold": 0.4,
    }
    pair = PairCalibration.from_json(first)
    hits = np.array([0.1, 0.3])
    peak = (np.quantile(BANK, 0.99) - BANK.mean()) / BANK.std()
    z = (hits - BANK.mean()) / BANK.std()
    said = 1 / (1 + np.exp(-(1.5 * z + 2.0 * hits - 0.5 * peak - 4.0)))
    assert pair.probability(hits, ASKED) == pytest.approx(said)
    assert pair.least(ASKED) == 0.4


def test_a_query_is_measured_against_its_own_bank() -> None:
    # The same similarity means less to a query that resembles everything.
    one = np.array([0.3])
    assert PLATT.probability(one, Asked(BANK)) > PLATT.probability(one, Asked(BANK + 0.15))


def test_features_of_a_bank_without_spread_are_finite() -> None:
    assert np.isfinite(features(np.array([0.3, -1.0]), Asked(np.full(8, 0.2)))).all()


def test_json_there_and_back() -> None:
    for pair in (PLATT, GATED, STEPPED, GATED.shifted(slope=2.0, by=1.0, bar_by=0.5)):
        assert PairCalibration.from_json(json.loads(json.dumps(pair.to_json()))) == pair


@pytest.mark.parametrize(
    "change",
    [
        {"version": 3},
        {"version": 1, "weights": {"z": -1, "similarity": 1, "peak": 0}},
        {"knots": [[0.0, 0.5], [1.0, 0.4]]},
        {"knots": [[0.0, 0.5], [0.0, 0.6]]},
        {"knots": [[0.0, 0.5], [1.0, 1.6]]},
        {"match": {"weights": {}, "bias": 0}},
        {"slope": 0.0},
        {"slope": -1.0},
        {"weights": {"z": 1.0}},
        {"bias": float("nan")},
        {"threshold": None},
        {"weights": None},
    ],
)
def test_parameters_of_another_form_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CalibrationError):
        PairCalibration.from_json({**PLATT.to_json(), **change})


def test_every_pair_of_the_starter_is_fitted_on_data() -> None:
    pairs = {(p["query_modality"], p["target_modality"]): p for p in builtin_pairs()}
    assert set(pairs) == {(asked, target) for asked in MODALITIES for target in MODALITIES}
    for pair in pairs.values():
        fitted = PairCalibration.from_json(pair["parameters"])
        assert 0 < fitted.threshold < 1
        assert pair["ece"] <= 0.09
        if fitted.match is not None:
            assert pair["nonsense_held"] >= 0.9
        assert pair["fitted_on"].split()[0].isdigit()
    curves = {json.dumps(p["parameters"]["weights"], sort_keys=True) for p in pairs.values()}
    assert len(curves) == len(pairs)
    # What most searches rest on.
    assert pairs["text", "image"]["ece"] <= 0.05
    for asked in ("image", "audio"):
        assert pairs["text", asked]["nonsense_held"] >= 0.95
        assert pairs["text", asked]["answerable_kept"] >= 0.85


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_thing_is_sure_to_be_like_itself(modality: str) -> None:
    bank = load_reference(BUILTIN)[modality]
    pair = next(
        p for p in builtin_pairs() if p["query_modality"] == p["target_modality"] == modality
    )
    fitted = PairCalibration.from_json(pair["parameters"])
    for query in bank[:8]:
        asked = Asked(bank @ query, own=bank @ query, words=8)
        assert fitted.probability(np.array([1.0]), asked)[0] >= fitted.least(asked)
