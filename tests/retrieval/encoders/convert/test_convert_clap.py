"""Bundles made of CLAP checkpoints answer what laion-clap and transformers answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from retrieval.encoders.convert.draft import Request
from retrieval.encoders.convert.laion_clap import _fusion, architecture, read_tensors
from retrieval.encoders.convert.run import convert
from retrieval.encoders.errors import BundleError
from retrieval.encoders.registry import load_bundle
from retrieval.encoders.torchvision_compat import declare_missing_operators
from tests.retrieval.encoders.laion_clap_small import (
    RATE,
    ROBERTA,
    checkpoint_save,
    clap,
    own_audio_embedding,
)
from tests.retrieval.encoders.open_clip_small import tokenizer_save

TEXTS = ["a dog in the snow", "two people ride a bicycle"]
TIME = np.arange(RATE * 3) / RATE
SOUND = (0.4 * np.sin(2 * np.pi * 440 * TIME * (1 + TIME / 20))).astype(np.float32)
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:torch.meshgrid:UserWarning"
    ),
    pytest.mark.timeout(300),
]


def asked(source: Path, out: Path, **more: Any) -> Request:
    words = {"name": "clap", "version": "1", "space": "clap", "licence": "CC0-1.0", **more}
    return Request(source=source, out=out, **words)


@pytest.fixture
def roberta(tmp_path: Path) -> Path:
    """What ``--roberta`` names: RoBERTa's configuration and a tokenizer."""
    folder = tmp_path / "roberta"
    tokenizer_save(folder)
    (folder / "config.json").write_text(json.dumps({**ROBERTA, "_name_or_path": "/home/someone"}))
    return folder


def test_a_training_checkpoint_of_laion_clap(tmp_path: Path, roberta: Path) -> None:
    model = clap("tiny")
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    state["module.text_branch.embeddings.position_ids"] = torch.arange(90)[None]
    file = tmp_path / "630k-audioset-best.pt"
    scores = {"mAP@10": np.float64(0.31), "epoch": np.int64(5)}
    torch.save({"epoch": 5, "name": "x", "state_dict": state, "scores": scores}, file)
    manifest = convert(asked(file, tmp_path / "bundle", text=roberta))
    assert manifest.dimension == 512
    cfg = manifest.towers["audio"].config["model_cfg"]["audio_cfg"]
    assert cfg == {**architecture("HTSAT-tiny")["audio_cfg"], "class_num": 5}
    assert "/home/someone" not in (tmp_path / "bundle" / "manifest.json").read_text()
    towers: dict[str, Any] = load_bundle(tmp_path / "bundle").towers
    # laion-clap's small RoBERTa and its own preprocessing, as its hook does it.
    expected = own_audio_embedding(model, [SOUND], fused=False)
    np.testing.assert_allclose(towers["audio"].encode([SOUND]), expected, atol=1e-5)
    [(_, (ids, mask))] = towers["text"].groups(TEXTS)
    with torch.inference_mode():
        text = model.get_text_embedding({"input_ids": ids, "attention_mask": mask}).numpy()
    np.testing.assert_allclose(towers["text"].encode(TEXTS), text, atol=1e-6)


def test_a_fused_checkpoint_says_so() -> None:
    state = read_tensors(clap("tiny", fusion="aff_2d").state_dict())
    assert _fusion(state) == "aff_2d"
    assert _fusion({name: v for name, v in state.items() if "fusion_model" not in name}) == "daf_2d"
    assert _fusion({name: v for name, v in state.items() if ".patch_embed." not in name}) is None


def test_the_text_branch_needs_its_files(tmp_path: Path) -> None:
    checkpoint_save(clap("tiny"), tmp_path / "x.safetensors")
    with pytest.raises(BundleError, match="--roberta"):
        convert(asked(tmp_path / "x.safetensors", tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


def test_a_network_that_shapes_do_not_tell_must_be_named(tmp_path: Path, roberta: Path) -> None:
    state = {"audio_branch.x": torch.zeros(1), "audio_projection.0.weight": torch.zeros(512, 2048)}
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(BundleError, match="--architecture"):
        convert(asked(tmp_path / "x.safetensors", tmp_path / "bundle", text=roberta))


@pytest.mark.parametrize("fused", [False, True], ids=["unfused", "fused"])
def test_a_folder_of_transformers_clap(tmp_path: Path, fused: bool) -> None:
    declare_missing_operators()
    from transformers import ClapConfig, ClapModel

    words = {**ROBERTA, "model_type": "clap_text_model"}
    fusion = {"enable_fusion": True, "fusion_type": "channel"} if fused else {}
    config = ClapConfig(text_config=words, audio_config={"num_classes": 527, **fusion})
    torch.manual_seed(4)
    model = ClapModel(config).eval()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if "batch_norm.running" in name:
                value.fill_(-40.0 if name.endswith("mean") else 200.0)
            elif value.is_floating_point() and value.ndim:
                value.add_(torch.randn_like(value) * 0.02)
    source = tmp_path / "clap"
    model.save_pretrained(source)
    tokenizer_save(source)
    features = {"sampling_rate": 48000, "fft_window_size": 1024, "hop_length": 480}
    features |= {"feature_size": 64, "frequency_min": 50, "frequency_max": 14000}
    (source / "preprocessor_config.json").write_text(json.dumps(features))
    convert(asked(source, tmp_path / "bundle"))
    towers: dict[str, Any] = load_bundle(tmp_path / "bundle").towers
    [(_, (ids, mask))] = towers["text"].groups(TEXTS)
    [(_, (mels,))] = towers["audio"].groups([SOUND])
    with torch.inference_mode():
        text = model.get_text_features(input_ids=ids, attention_mask=mask)
        heard = mels.expand(-1, 4, -1, -1) if fused else mels
        longer = torch.zeros(1, 1, dtype=torch.bool)
        audio = model.get_audio_features(input_features=heard, is_longer=longer)
    for theirs, ours in (
        (text, towers["text"].encode(TEXTS)),
        (audio, towers["audio"].encode([SOUND])),
    ):
        pooled = getattr(theirs, "pooler_output", theirs)
        expected = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-5)
