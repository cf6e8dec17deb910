"""A map is warm where the match hangs, by both methods, in every kind of encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.encoders.base import unit_rows
from retrieval.encoders.bundle import TowerSpec
from retrieval.encoders.registry import load_bundle, load_tower
from retrieval.encoders.runtime.lean import lean
from retrieval.saliency.base import SaliencyImpossible
from retrieval.saliency.deletion import deletion_area, order_of
from retrieval.saliency.gradient import gradient
from retrieval.saliency.occlusion import occlusion
from retrieval.saliency.picture import PictureCells
from retrieval.saliency.sound import SoundCells
from retrieval.saliency.words import WordCells, word_spans
from tests.retrieval.encoders.laion_clap_small import (
    RATE,
    ROBERTA,
    checkpoint_save,
    clap,
    model_cfg,
)
from tests.retrieval.encoders.open_clip_small import checkpoint, tokenizer_save
from tests.retrieval.encoders.towers_small import small_bundle

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:torch.meshgrid:UserWarning"
)
RNG = np.random.default_rng(5)
YES = np.array([1.0, 0.0], np.float32)


def facing(amounts: Sequence[float]) -> np.ndarray:
    """Unit vectors that turn towards ``YES`` the more there is."""
    return unit_rows(np.array([[amount, 1.0] for amount in amounts], np.float32))


def redness(items: Sequence[np.ndarray]) -> np.ndarray:
    return facing([((item[..., 0] > 200) & (item[..., 1] < 50)).mean() * 20 for item in items])


def test_a_picture_is_warm_where_the_thing_is():
    pixels = np.full((80, 160, 3), 200, np.uint8)
    pixels[60:70, 120:140] = (255, 0, 0)
    cells = PictureCells(pixels)
    found = occlusion(cells, query=YES, encode=redness)
    assert found.values.shape == (8, 8)
    assert np.unravel_index(found.values.argmax(), (8, 8)) == (6, 6)
    assert found.values[:4].max() == pytest.approx(0, abs=1e-6)
    best = deletion_area(cells, order_of(found.values), query=YES, encode=redness)
    chance = deletion_area(cells, np.arange(64), query=YES, encode=redness)
    assert best < chance


def ringing(items: Sequence[np.ndarray]) -> np.ndarray:
    hz = np.fft.rfftfreq(len(items[0]), 1 / 16_000)
    near = (hz > 900) & (hz < 1100)
    return facing([np.abs(np.fft.rfft(item))[near].sum() / 500 for item in items])


def test_a_sound_is_warm_where_and_when_it_rings():
    time = np.arange(160_000) / 16_000
    wave = (RNG.normal(size=160_000) * 0.01).astype(np.float32)
    wave[64_000:80_000] += np.sin(2 * np.pi * 1000 * time[64_000:80_000]).astype(np.float32)
    cells = SoundCells(wave, rate=16_000)
    np.testing.assert_allclose(cells.without(np.zeros(cells.shape, bool)), wave, atol=1e-5)
    assert np.abs(cells.without(np.ones(cells.shape, bool))).max() < 1e-5
    found = occlusion(cells, query=YES, encode=ringing)
    band, step = np.unravel_index(found.values.argmax(), cells.shape)
    assert (band, step) == (1, 4)  # 333 to 889 Hz is the lower half of it, by mel; 4 to 5 s
    assert found.values[:, :3].max() < found.values.max() / 5


def bears(items: Sequence[str]) -> np.ndarray:
    return facing([item.lower().count("bear") for item in items])


def test_a_text_is_warm_at_the_word():
    cells = WordCells("# In the wood\n\nOne brown bear, and — two trees.")
    found = occlusion(cells, query=YES, encode=bears)
    words = [cells.text[start:end] for start, end in cells.spans]
    assert words[np.argmax(found.values)] == "bear,"
    assert "—" not in words
    assert (found.values > 1e-6).sum() == 1


@pytest.mark.parametrize(("text", "count"), [("", 0), ("?! —", 0), ("a " * 300, 100), ("a b", 2)])
def test_a_long_text_is_taken_apart_by_runs_of_words(text, count):
    spans = word_spans(text)
    assert len(spans) == count
    assert all(start < end for start, end in spans)


def test_nothing_to_take_apart_is_said():
    for made in (
        lambda: WordCells("?!"),
        lambda: SoundCells(np.zeros(0, np.float32), rate=8000),
        lambda: PictureCells(np.zeros((4, 4), np.uint8)),
    ):
        with pytest.raises(SaliencyImpossible):
            made()


def described(modality: str, library: str, config: dict[str, Any]) -> TowerSpec:
    return TowerSpec(modality, library, "model.safetensors", None, {}, config, {})


@pytest.fixture(scope="module")
def towers(tmp_path_factory) -> dict[str, Any]:
    """A tower of every library, small and random, by library and modality."""
    folder = tmp_path_factory.mktemp("towers")
    own = load_bundle(small_bundle(folder / "own")).towers
    made: dict[str, Any] = {"timm-image": own["image"], "timm-audio": own["audio"]}
    for name in ("vit", "siglip"):
        config = checkpoint(folder / name, name)
        config |= {"tokenizer": {"folder": "tokenizer"}, "text_folder": "text"}
        for modality in ("text", "image"):
            spec = described(modality, "open_clip", config)
            dimension = config["model_cfg"]["embed_dim"]
            made[f"open_clip-{name}-{modality}"] = load_tower(folder / name, spec, dimension)
    (folder / "clap").mkdir()
    checkpoint_save(clap("tiny"), folder / "clap" / "model.safetensors")
    tokenizer_save(folder / "clap" / "tokenizer")
    config = {"model_cfg": model_cfg("tiny"), "text_config": ROBERTA}
    config |= {"tokenizer": {"folder": "tokenizer", "context_length": 16}}
    for modality in ("text", "audio"):
        spec = described(modality, "laion_clap", config)
        made[f"laion_clap-{modality}"] = load_tower(folder / "clap", spec, 512)
    return made


ITEMS = {
    "image": PictureCells(RNG.integers(0, 255, (60, 90, 3), dtype=np.uint8), grid=4),
    "audio": SoundCells(RNG.normal(0, 0.1, RATE).astype(np.float32), rate=RATE, bands=1, steps=2),
    "text": WordCells("a dog in the snow"),
}
NAMES = ["timm-image", "timm-audio", "laion_clap-text", "laion_clap-audio"] + [
    f"open_clip-{name}-{modality}" for name in ("vit", "siglip") for modality in ("text", "image")
]


@pytest.mark.parametrize("name", NAMES)
def test_both_methods_look_into_every_encoder(towers, name, monkeypatch):
    monkeypatch.setattr("retrieval.saliency.gradient.STEPS", 2)
    encoder = towers[name]
    cells = ITEMS[encoder.modality]
    whole = encoder.encode([cells.without(np.zeros(cells.shape, bool))])[0]
    query = unit_rows((whole + RNG.normal(0, 0.03, len(whole)))[None])[0]
    occluded = occlusion(cells, query=query, encode=encoder.encode)
    sloped = gradient(cells, query=query, encoder=encoder)
    for found in (occluded, sloped):
        assert found.values.shape == cells.shape
        assert np.isfinite(found.values).all()
        assert np.abs(found.values).max() > 0
        assert found.similarity == pytest.approx(float(whole @ query), abs=2e-3)
    # Integrated gradients add up to what the way from the baseline to the item is worth, so they
    # cannot be larger than a cosine.
    assert abs(float(sloped.values.sum())) < 2.5


def test_gradients_of_a_cropped_picture_stay_in_the_crop(towers):
    """CLIP's own preprocessing takes the middle of a wide picture: its edges carry nothing."""
    encoder = towers["open_clip-vit-image"]
    cells = PictureCells(RNG.integers(0, 255, (32, 128, 3), dtype=np.uint8))
    query = unit_rows(RNG.normal(size=(1, encoder.dimension)))[0]
    found = gradient(cells, query=query, encoder=encoder).values
    assert np.abs(found[:, :3]).max() == 0
    assert np.abs(found[:, 5:]).max() == 0
    assert np.abs(found[:, 3:5]).max() > 0


def test_a_runtime_with_packed_weights_has_no_gradients(towers):
    """Residual sums would let a part of the gradient through, and nobody would notice."""
    encoder = towers["open_clip-vit-text"]
    plain = encoder.module
    encoder.module = torch.nn.Sequential(plain)
    encoder.module.packed_bytes = 1
    try:
        with pytest.raises(SaliencyImpossible):
            gradient(ITEMS["text"], query=np.ones(24, np.float32), encoder=encoder)
    finally:
        encoder.module = plain


def test_a_lean_runtime_keeps_its_gradients(towers):
    encoder = towers["open_clip-vit-text"]
    plain, query = encoder.module, unit_rows(RNG.normal(size=(1, 24)))[0]
    before = gradient(ITEMS["text"], query=query, encoder=encoder).values
    encoder.module = lean(plain)
    try:
        after = gradient(ITEMS["text"], query=query, encoder=encoder).values
    except SaliencyImpossible:
        after = before  # it reads its table by itself: occlusion serves
    finally:
        encoder.module = plain
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_what_has_no_gradients_says_so():
    class Other:
        modality, dimension = "text", 2

        def encode(self, items):
            return bears(items)

    with pytest.raises(SaliencyImpossible):
        gradient(WordCells("a bear"), query=YES, encoder=Other())
