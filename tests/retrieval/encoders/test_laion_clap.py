"""Our towers of laion-clap checkpoints answer what laion-clap itself answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.registry import load_tower
from tests.retrieval.encoders.conformance import EncoderConformance
from tests.retrieval.encoders.laion_clap_small import (
    RATE,
    ROBERTA,
    checkpoint_save,
    clap,
    model_cfg,
    own_audio_embedding,
)
from tests.retrieval.encoders.open_clip_small import tokenizer_save

RNG = np.random.default_rng(9)
TEXTS = ["a dog in the snow", "", "two people ride a bicycle", "tax return " * 60]
# A third-party deprecation inside transformers' or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:torch.meshgrid:UserWarning"
)


def tone(seconds: float, hz: float) -> np.ndarray[Any, Any]:
    time = np.arange(int(RATE * seconds)) / RATE
    noise = RNG.standard_normal(len(time)) * 0.02
    return (0.4 * np.sin(2 * np.pi * hz * time * (1 + time / 20)) + noise).astype(np.float32)


SOUNDS = [tone(10, 440), tone(3.3, 1500), tone(0.2, 3000)]
LONG = tone(14, 800)


class Made:
    """A checkpoint on disk and laion-clap's own model with the same weights."""

    def __init__(self, folder: Path, network: str, fusion: str | None = None) -> None:
        self.folder, self.network, self.fusion = folder, network, fusion
        self.model = clap(network, fusion=fusion)
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint_save(self.model, folder / "model.safetensors")
        tokenizer_save(folder / "tokenizer")

    def tower(self, modality: str, **changes: Any) -> Any:
        config = {
            "model_cfg": model_cfg(self.network),
            "enable_fusion": self.fusion is not None,
            "fusion_type": self.fusion or "None",
            "text_config": ROBERTA,
            "tokenizer": {"folder": "tokenizer"},
        }
        return load_tower(self.folder, spec(modality, {**config, **changes}), 512)


def spec(modality: str, config: dict[str, Any]) -> TowerSpec:
    return TowerSpec(
        modality=modality,
        library="laion_clap",
        weights="model.safetensors",
        package=None,
        package_files={},
        config=config,
        input={"sample_rate": RATE},
    )


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("tiny"), "tiny")


def distinct(vectors: np.ndarray[Any, Any]) -> bool:
    return bool(np.abs(vectors[0] - vectors[1]).max() > 1e-3)


def test_htsat_hears_what_laion_clap_hears(tiny: Made) -> None:
    expected = own_audio_embedding(tiny.model, [*SOUNDS, LONG], fused=False)
    assert distinct(expected)
    np.testing.assert_array_equal(tiny.tower("audio").encode([*SOUNDS, LONG]), expected)


def test_htsat_base_and_cnn14_hear_what_laion_clap_hears(tmp_path: Path) -> None:
    for network in ("base", "Cnn14"):
        made = Made(tmp_path / network, network)
        expected = own_audio_embedding(made.model, SOUNDS[:2], fused=False)
        assert distinct(expected)
        np.testing.assert_array_equal(made.tower("audio").encode(SOUNDS[:2]), expected)


@pytest.mark.parametrize("network", ["Cnn6", "Cnn10"])
def test_the_small_panns_hear_what_laion_clap_hears(tmp_path: Path, network: str) -> None:
    """laion-clap's own ``get_audio_embedding`` gives these a dict, which they do not take."""
    made = Made(tmp_path, network)
    ours = made.tower("audio")
    with torch.no_grad():
        from retrieval.encoders.clap_features import fitted, quantised

        waves = torch.stack([fitted(quantised(sound), 96_000) for sound in SOUNDS])
        heard = made.model.audio_projection(made.model.audio_branch(waves)["embedding"])
        expected = torch.nn.functional.normalize(heard, dim=-1).numpy()
    assert distinct(expected)
    np.testing.assert_array_equal(ours.encode(SOUNDS), expected)


@pytest.mark.parametrize("fusion", ["aff_2d", "iaff_1d", "channel_map"])
def test_fused_htsat_hears_what_laion_clap_hears(tmp_path: Path, fusion: str) -> None:
    made = Made(tmp_path, "tiny", fusion)
    ours = made.tower("audio")
    with_long = [SOUNDS[0], LONG]
    mixed = own_audio_embedding(made.model, with_long, fused=True)
    assert distinct(mixed)
    if fusion == "channel_map":  # the others give laion-clap four channels where it has one
        short = own_audio_embedding(made.model, SOUNDS[:2], fused=True)
        np.testing.assert_allclose(ours.encode(SOUNDS[:2]), short, atol=2e-5)
    np.testing.assert_allclose(ours.encode(with_long), mixed, atol=2e-5)
    np.testing.assert_allclose(ours.encode(with_long)[:1], ours.encode(SOUNDS[:1]), atol=1e-5)


def test_fused_cnn14_hears_what_laion_clap_hears_of_each_sound_alone(tmp_path: Path) -> None:
    made = Made(tmp_path, "Cnn14", "aff_2d")
    sounds = [SOUNDS[1], LONG]
    alone = np.concatenate([own_audio_embedding(made.model, [s], fused=True) for s in sounds])
    assert distinct(alone)
    np.testing.assert_allclose(made.tower("audio").encode(sounds), alone, atol=2e-5)


def test_texts_are_read_as_laion_clap_reads_them(tiny: Made) -> None:
    ours = tiny.tower("text")
    words = {"padding": "max_length", "truncation": True, "max_length": 77, "return_tensors": "pt"}
    read = ours.tokenizer(TEXTS, **words)  # hook.py
    with torch.no_grad():
        expected = tiny.model.get_text_embedding(dict(read)).numpy()
    assert distinct(expected)
    np.testing.assert_array_equal(ours.encode(TEXTS), expected)
    short = ours.tokenizer(TEXTS[:3], padding=True, return_tensors="pt")
    with torch.no_grad():
        cut = ours.module(short["input_ids"], short["attention_mask"]).numpy()
    assert ours.module.cuttable
    np.testing.assert_allclose(cut, expected[:3], atol=1e-5)


class TestAudio(EncoderConformance):
    bad_items = ("text", np.zeros(9, np.float64), np.zeros((2, 9), np.float32))

    @pytest.fixture(scope="class")
    def encoder(self, tiny: Made) -> Encoder:
        return tiny.tower("audio")

    @pytest.fixture
    def items(self) -> list[Any]:
        return [SOUNDS[1], SOUNDS[2], np.full(1, 0.5, np.float32)]


class TestText(EncoderConformance):
    @pytest.fixture(scope="class")
    def encoder(self, tiny: Made) -> Encoder:
        return tiny.tower("text")

    @pytest.fixture
    def items(self) -> Sequence[Any]:
        return TEXTS


def test_an_audio_tower_alone_with_settings_of_its_own(tmp_path: Path) -> None:
    """No text half; no frozen filters, no classifier in the file; another rate and length."""
    from safetensors.torch import save_file

    from retrieval.encoders.clap_module import audio_branch, audio_config

    audio = {"model_type": "PANN", "model_name": "Cnn6", "sample_rate": 16_000, "class_num": 2}
    audio |= {"window_size": 512, "hop_size": 400, "clip_samples": 80_000, "fmax": 7_000}
    torch.manual_seed(1)
    branch = audio_branch(audio_config(audio), enable_fusion=False, fusion_type="None")
    frozen = ("spectrogram_extractor", "logmel_extractor", "fc_audioset")
    state = {
        f"audio_branch.{name}": value
        for name, value in branch.state_dict().items()
        if not name.startswith(frozen)
    }
    for name, shape in {"0": (40, 512), "2": (40, 40)}.items():
        state[f"audio_projection.{name}.weight"] = torch.randn(shape) * 0.1
        state[f"audio_projection.{name}.bias"] = torch.zeros(shape[0])
    save_file(state, str(tmp_path / "model.safetensors"))
    cfg = {"embed_dim": 512, "joint_embed_shape": 40, "audio_cfg": audio}
    tower = load_tower(tmp_path, spec("audio", {"model_cfg": cfg}), 40)
    vectors = tower.encode([SOUNDS[0][::3].copy(), SOUNDS[1][::3].copy()])
    assert vectors.shape == (2, 40)
    assert distinct(vectors)


def refusal(made: Made, modality: str, **changes: Any) -> str:
    with pytest.raises(BundleError) as refused:
        made.tower(modality, **changes)
    return refused.value.code


def test_what_does_not_fit_is_refused(tiny: Made) -> None:
    cfg = model_cfg("tiny")
    audio = cfg["audio_cfg"]
    changed = [
        ({**audio, "model_name": "base"}, "bad-weights"),
        ({**audio, "model_name": "print('code')"}, "bad-tower"),
        ({**audio, "model_type": "PANN", "model_name": "__import__('os')"}, "bad-tower"),
        ({**audio, "hop_size": -1}, "bad-tower"),
        ({**audio, "window": 7}, "bad-tower"),
    ]
    for other, code in changed:
        assert refusal(tiny, "audio", model_cfg={**cfg, "audio_cfg": other}) == code
    joint = {**cfg, "joint_embed_shape": 40}
    assert refusal(tiny, "audio", model_cfg=joint) == "bad-dimension"
    assert refusal(tiny, "image") == "bad-tower"
    assert refusal(tiny, "audio", enable_fusion=True, fusion_type="mine") == "bad-tower"
    assert refusal(tiny, "text", text_config={**ROBERTA, "auto_map": {}}) == "bad-tower"
    assert refusal(tiny, "text", text_config={**ROBERTA, "num_hidden_layers": 2}) == "bad-weights"
    assert refusal(tiny, "text", tokenizer={"folder": ".."}) == "bad-tower"
    assert refusal(tiny, "text", tokenizer=None) == "bad-tower"
