from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration import CalibrationError, PairCalibration, features
from retrieval.encoders.bundle import BUILTIN, load_reference

PAIR = PairCalibration(weights=(1.5, 2.0, -0.5), bias=-4.0, threshold=0.4)
BANK = np.random.default_rng(0).normal(0.1, 0.05, 256)
MODALITIES = ("text", "image", "audio")


def builtin_pairs() -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = json.loads((BUILTIN / "calibration.json").read_bytes())["pairs"]
    return pairs


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30))
def test_the_more_similar_hit_is_never_the_less_probable(similarities: list[float]) -> None:
    found = PAIR.probability(np.sort(np.array(similarities)), bank=BANK)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_a_query_is_measured_against_its_own_bank() -> None:
    # The same similarity means less to a query that resembles everything.
    one = np.array([0.3])
    assert PAIR.probability(one, bank=BANK) > PAIR.probability(one, bank=BANK + 0.15)


def test_features_of_a_bank_without_spread_are_finite() -> None:
    assert np.isfinite(features(np.array([0.3, -1.0]), bank=np.full(8, 0.2))).all()


def test_json_there_and_back() -> None:
    assert PairCalibration.from_json(json.loads(json.dumps(PAIR.to_json()))) == PAIR


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"weights": {"z": 1.0}},
        {"weights": {"z": -1, "similarity": 1, "peak": 0}},
        {"bias": float("nan")},
        {"threshold": None},
        {"weights": None},
    ],
)
def test_parameters_of_another_form_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CalibrationError):
        PairCalibration.from_json({**PAIR.to_json(), **change})


def test_every_pair_of_the_starter_is_fitted_on_data() -> None:
    pairs = {(p["query_modality"], p["target_modality"]): p for p in builtin_pairs()}
    assert set(pairs) == {(asked, target) for asked in MODALITIES for target in MODALITIES}
    for pair in pairs.values():
        fitted = PairCalibration.from_json(pair["parameters"])
        assert 0 < fitted.threshold < 1
        assert pair["fitted_on"].split()[0].isdigit()
    curves = {json.dumps(p["parameters"]["weights"], sort_keys=True) for p in pairs.values()}
    assert len(curves) == len(pairs)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_thing_is_sure_to_be_like_itself(modality: str) -> None:
    bank = load_reference(BUILTIN)[modality]
    pair = next(
        p for p in builtin_pairs() if p["query_modality"] == p["target_modality"] == modality
    )
    fitted = PairCalibration.from_json(pair["parameters"])
    for query in bank[:8]:
        found = fitted.probability(np.array([1.0]), bank=bank @ query)
        assert found[0] >= fitted.threshold
