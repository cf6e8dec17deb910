"""Towers of modalities that nobody foresaw, described by a manifest alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BundleError
from retrieval.encoders.manifest import TowerSpec
from retrieval.encoders.probe import probe_item
from retrieval.encoders.registry import load_bundle, load_tower
from tests.retrieval.encoders.conformance import EncoderConformance
from tests.retrieval.encoders.tensors_small import DIMENSION, array_towers, six_bundle

RNG = np.random.default_rng(4)
# A third-party deprecation inside transformers', timm's or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:torch.meshgrid:UserWarning"
)


def noise(*shape: int) -> np.ndarray[Any, Any]:
    return (RNG.standard_normal(shape) * RNG.uniform(0.5, 4)).astype(np.float32)


def spec(modality: str, tower: dict[str, Any], **changes: Any) -> TowerSpec:
    given = {**tower, **changes}
    return TowerSpec(
        modality=modality,
        library=given["library"],
        weights=given["weights"],
        package=None,
        package_files={},
        config=given["config"],
        input=given["input"],
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("arrays")
    return folder, array_towers(folder)


class TestDepth(EncoderConformance):
    bad_items = ("text", noise(4, 4, 2), np.zeros((4, 4), np.float64), np.zeros((0, 4), np.float32))

    @pytest.fixture(scope="class")
    def encoder(self, made: tuple[Path, dict[str, Any]]) -> Encoder:
        return load_tower(made[0], spec("depth", made[1]["depth"]), DIMENSION)

    @pytest.fixture
    def items(self) -> list[Any]:
        return [noise(40, 60), noise(7, 9, 1), noise(32, 48)]

    def test_depths_beyond_the_limits_count_as_the_limits(self, encoder: Encoder) -> None:
        far = np.full((10, 10), 10.0, np.float32)
        np.testing.assert_array_equal(encoder.encode([far]), encoder.encode([far * 50]))


class TestThermal(EncoderConformance):
    bad_items = ("text", noise(4, 4), np.full((4, 4, 3), np.nan, np.float32))

    @pytest.fixture(scope="class")
    def encoder(self, made: tuple[Path, dict[str, Any]]) -> Encoder:
        return load_tower(made[0], spec("thermal", made[1]["thermal"]), DIMENSION)

    @pytest.fixture
    def items(self) -> list[Any]:
        return [noise(40, 60, 3), np.zeros((5, 5, 3), np.uint8), noise(160, 160, 3)]


class TestImu(EncoderConformance):
    bad_items = ("text", noise(100), noise(100, 5), noise(4, 4, 6))

    @pytest.fixture(scope="class")
    def encoder(self, made: tuple[Path, dict[str, Any]]) -> Encoder:
        return load_tower(made[0], spec("imu", made[1]["imu"]), DIMENSION)

    @pytest.fixture
    def items(self) -> list[Any]:
        return [noise(100, 6), noise(1, 6), noise(250, 6)]

    def test_the_middle_of_a_long_series_is_read(self, encoder: Encoder) -> None:
        long = noise(300, 6)
        middle = encoder.encode([long[100:200]])
        np.testing.assert_array_equal(encoder.encode([long]), middle)


def test_six_modalities_live_in_one_space(tmp_path: Path) -> None:
    loaded = load_bundle(six_bundle(tmp_path / "six"))
    assert set(loaded.towers) == {"text", "image", "audio", "depth", "thermal", "imu"}
    for modality, tower in loaded.towers.items():
        assert tower.modality == modality
        vectors = tower.encode([probe_item(loaded.manifest.towers[modality])])
        assert vectors.shape == (1, DIMENSION)


def test_what_does_not_fit_is_refused(made: tuple[Path, dict[str, Any]]) -> None:
    folder, towers = made
    depth, imu = towers["depth"], towers["imu"]

    def refusal(modality: str, tower: dict[str, Any], **changes: Any) -> str:
        with pytest.raises(BundleError) as refused:
            load_tower(folder, spec(modality, tower, **changes), DIMENSION)
        return refused.value.code

    two = {**depth["input"], "channels": 2, "mean": [0, 0], "std": [1, 1]}
    assert refusal("depth", depth, input=two) == "bad-weights"
    assert refusal("depth", depth, weights="thermal.safetensors") == "bad-weights"
    assert refusal("depth", depth, weights="none.safetensors") == "bad-weights"
    for broken in ({"form": "cube"}, {"channels": 0}, {"std": [0.0]}, {"mean": []}, {"size": [3]}):
        assert refusal("depth", depth, input={**depth["input"], **broken}) == "bad-tower"
    for name in ("hf-hub:timm/x", "local-dir:/etc", "no_such_network"):
        network = {"network": {"kind": "timm", "architecture": name}}
        assert refusal("depth", depth, config=network) == "bad-tower"
    assert refusal("imu", imu, config=depth["config"]) == "bad-tower"
    assert refusal("imu", imu, config={}) == "bad-tower"
