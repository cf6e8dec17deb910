from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BUILTIN, BundleError, manifest_read
from retrieval.encoders.registry import load_bundle, load_tower
from tests.retrieval.encoders.conformance import EncoderConformance
from tests.retrieval.encoders.towers_small import (
    DIMENSION,
    manifest_of,
    small_bundle,
    write_manifest,
)

RNG = np.random.default_rng(1)
# A third-party deprecation inside transformers' or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Encoder]:
    return load_bundle(small_bundle(tmp_path_factory.mktemp("bundle"))).towers


class TestImageTower(EncoderConformance):
    bad_items = (
        "text",
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
    )

    @pytest.fixture
    def encoder(self, small: dict[str, Encoder]) -> Encoder:
        return small["image"]

    @pytest.fixture
    def items(self) -> list[Any]:
        sizes = [(64, 64), (1, 1), (40, 90), (300, 20)]
        return [RNG.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


class TestAudioTower(EncoderConformance):
    bad_items = (
        "text",
        np.zeros(100, np.float64),
        np.zeros((2, 100), np.float32),
        np.zeros(0, np.float32),
        np.array([np.nan], np.float32),
    )

    @pytest.fixture
    def encoder(self, small: dict[str, Encoder]) -> Encoder:
        return small["audio"]

    @pytest.fixture
    def items(self) -> list[Any]:
        return [RNG.standard_normal(n).astype(np.float32) * 0.1 for n in (8000, 1, 8000, 20_000)]


class TestBuiltinText(EncoderConformance):
    @pytest.fixture(scope="class")
    def encoder(self) -> Encoder:
        manifest = manifest_read(BUILTIN)
        return load_tower(BUILTIN, manifest.towers["text"], manifest.dimension)

    @pytest.fixture
    def items(self) -> Sequence[Any]:
        return ["a dog in the snow", "", "two people ride a bicycle", "x" * 5000]

    def test_says_the_same_of_the_same(self, encoder: Encoder) -> None:
        near, far = "a puppy plays in the snow", "quarterly tax return"
        dog, puppy, tax = encoder.encode(["a dog in the snow", near, far])
        assert dog @ puppy > dog @ tax + 0.3


def test_loudness_does_not_matter_to_a_sound(small: dict[str, Encoder]) -> None:
    wave = RNG.standard_normal(8000).astype(np.float32) * 0.1
    loud, quiet = small["audio"].encode([wave, wave * 0.05])
    assert loud @ quiet > 0.999


def test_silence_and_black_are_embedded(small: dict[str, Encoder]) -> None:
    assert np.isfinite(small["audio"].encode([np.zeros(8000, np.float32)])).all()
    assert np.isfinite(small["image"].encode([np.zeros((9, 9, 3), np.uint8)])).all()


def test_a_mirrored_picture_is_the_same_picture(small: dict[str, Encoder]) -> None:
    image = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    one, other = small["image"].encode([image, np.ascontiguousarray(image[:, ::-1])])
    assert one @ other > 0.9999


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = small_bundle(tmp_path)
    manifest = manifest_of(folder)
    manifest["towers"]["audio"]["config"]["width"] = 33
    write_manifest(folder, manifest)
    with pytest.raises(BundleError) as refused:
        load_bundle(folder)
    assert refused.value.code == "bad-weights"


def test_a_timm_tower_of_pictures_is_refused(tmp_path: Path) -> None:
    folder = small_bundle(tmp_path)
    spec = manifest_read(folder).towers["audio"]
    with pytest.raises(BundleError) as refused:
        load_tower(folder, replace(spec, modality="image"), DIMENSION)
    assert refused.value.code == "bad-tower"


def test_an_unknown_library_is_refused(tmp_path: Path) -> None:
    towers = {"depth": {"library": "nobody", "weights": "image.safetensors"}}
    with pytest.raises(BundleError) as refused:
        load_bundle(small_bundle(tmp_path, towers=towers))
    assert refused.value.code == "unknown-library"
