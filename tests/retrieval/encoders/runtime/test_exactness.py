"""What a runtime makes of a tower answers what the tower answers, as closely as it promises."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.encoders.bundle import TowerSpec
from retrieval.encoders.registry import load_tower
from retrieval.encoders.runtime.apply import twin
from retrieval.encoders.runtime.candidates import bfloat16, half, int8, mixed
from retrieval.encoders.runtime.candidates.candidate import CLOSE, EXACT
from retrieval.encoders.runtime.inputs import TEXTS
from retrieval.encoders.runtime.lean import lean
from retrieval.encoders.runtime.pictures import FastImageEncoder
from retrieval.encoders.runtime.spectra import FastFrontend
from retrieval.encoders.runtime.trees import weight_bytes
from tests.retrieval.encoders.laion_clap_small import ROBERTA, checkpoint_save, clap, model_cfg
from tests.retrieval.encoders.open_clip_small import ARCHITECTURES, checkpoint, tokenizer_save

RNG = np.random.default_rng(8)
IMAGES = [RNG.integers(0, 256, (*s, 3), dtype=np.uint8) for s in [(64, 64), (40, 90), (160, 120)]]
WORDS = ["a dog in the snow", "", "two people ride a bicycle", "tax return " * 40, TEXTS[3]]
# A third-party deprecation inside transformers', timm's or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def spec(library: str, modality: str, config: dict[str, Any]) -> TowerSpec:
    return TowerSpec(
        modality=modality,
        library=library,
        weights="model.safetensors",
        package=None,
        package_files={},
        config=config,
        input={},
    )


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def towers(request: Any, tmp_path_factory: Any) -> dict[str, Any]:
    from retrieval.encoders.torchvision_compat import declare_missing_operators

    declare_missing_operators()
    folder: Path = tmp_path_factory.mktemp("clip") / "model"
    config = checkpoint(folder, request.param)
    config |= {"tokenizer": {"folder": "tokenizer"}, "text_folder": "text"}
    width = config["model_cfg"]["embed_dim"]
    return {
        modality: load_tower(folder, spec("open_clip", modality, config), width)
        for modality in ("text", "image")
    }


def least_cosine(tower: Any, module: Any, items: list[Any]) -> float:
    before = {name: value.clone() for name, value in tower.module.state_dict().items()}
    wanted, got = tower.encode(items), twin(tower, module).encode(items)
    for name, value in tower.module.state_dict().items():
        assert torch.equal(value, before[name])
    return float((wanted * got).sum(1).min())


@pytest.mark.parametrize("modality", ["text", "image"])
def test_every_open_clip_tower(towers: dict[str, Any], modality: str) -> None:
    tower = towers[modality]
    items = WORDS if modality == "text" else IMAGES
    with torch.inference_mode():
        assert least_cosine(tower, lean(tower.module), items) > 1 - 1e-6
        assert least_cosine(tower, half.half(tower.module), items) >= EXACT
        # Widths of 32 leave int8 and bf16 little to average over; real ones are measured in use.
        assert least_cosine(tower, int8.int8(tower.module), items) > 0.99
        assert least_cosine(tower, mixed.mixed(tower.module), items) > 0.99
        assert least_cosine(tower, bfloat16.bfloat16(tower.module), items) > 0.99


@pytest.mark.parametrize("name", ["vit", "vit-quick-gelu"])
def test_plain_towers_take_the_lean_way(tmp_path: Path, name: str) -> None:
    config = checkpoint(tmp_path / "model", name)
    found = [
        type(part).__name__
        for modality in ("text", "image")
        for part in lean(
            load_tower(tmp_path / "model", spec("open_clip", modality, config), 24).module  # type: ignore[attr-defined]
        ).modules()
    ]
    assert {"LeanText", "LeanVision", "LeanBlock"} <= set(found)
    assert "MultiheadAttention" not in found


def test_pictures_are_prepared_as_open_clip_does(towers: dict[str, Any]) -> None:
    tower = towers["image"]
    other = twin(tower, tower.module)
    assert isinstance(other, FastImageEncoder)
    for items in (IMAGES, IMAGES[1:2], []):
        wanted, got = list(tower.groups(items)), list(other.groups(items))
        assert [rows for rows, _ in got] == [rows for rows, _ in wanted]
        assert all(torch.equal(a[0], b[0]) for (_, a), (_, b) in zip(got, wanted, strict=True))


def test_int8_does_not_depend_on_its_neighbours(towers: dict[str, Any]) -> None:
    tower = towers["text"]
    with torch.inference_mode():
        other = twin(tower, int8.int8(tower.module))
    together, alone = other.encode(WORDS), np.concatenate([other.encode([w]) for w in WORDS])
    assert np.array_equal(together, alone)


@pytest.fixture(scope="module", params=[("tiny", None), ("tiny", "aff_2d"), ("Cnn14", None)])
def sound_tower(request: Any, tmp_path_factory: Any) -> Any:
    network, fusion = request.param
    folder: Path = tmp_path_factory.mktemp("clap")
    with warnings.catch_warnings():  # of laion-clap's own code, at its first import
        warnings.simplefilter("ignore")
        model = clap(network, fusion=fusion)
    for part in model.modules():
        if hasattr(part, "relative_position_bias_table"):  # as trained ones: not near zero
            torch.nn.init.normal_(part.relative_position_bias_table, std=0.5)
    checkpoint_save(model, folder / "model.safetensors")
    config = {"model_cfg": model_cfg(network), "enable_fusion": fusion is not None}
    config["fusion_type"] = fusion or "None"
    return load_tower(folder, spec("laion_clap", "audio", config), 512)


def test_sound_towers(sound_tower: Any) -> None:
    time = np.arange(480_000) / 48_000
    sounds = [
        (0.3 * np.sin(2 * np.pi * 300 * time * (1 + time / 9))).astype(np.float32),
        RNG.standard_normal(150_000).astype(np.float32) * np.float32(0.05),
    ]
    with torch.inference_mode():
        assert least_cosine(sound_tower, lean(sound_tower.module), sounds) > 1 - 1e-6
        assert least_cosine(sound_tower, int8.int8(sound_tower.module), sounds) >= CLOSE
        narrow = bfloat16.bfloat16(sound_tower.module)
        assert least_cosine(sound_tower, narrow, sounds[:1]) >= CLOSE
    other = twin(sound_tower, sound_tower.module)
    fused = sound_tower.module.fused
    assert isinstance(other.frontend, FastFrontend) is not fused


def test_clap_text_is_cut_at_the_longest(tmp_path: Path) -> None:
    checkpoint_save(clap("tiny"), tmp_path / "model.safetensors")
    tokenizer_save(tmp_path / "tokenizer")
    config = {"model_cfg": model_cfg("tiny"), "text_config": ROBERTA}
    tower: Any = load_tower(
        tmp_path,
        spec("laion_clap", "text", {**config, "tokenizer": {"folder": "tokenizer"}}),
        512,
    )
    seen: list[int] = []
    cut = lean(tower.module)
    cut.tower.branch.register_forward_pre_hook(  # type: ignore[union-attr,operator]
        lambda _, __, words: seen.append(words["input_ids"].shape[1]), with_kwargs=True
    )
    with torch.inference_mode():
        assert least_cosine(tower, cut, WORDS[:3]) > 1 - 1e-6
        assert least_cosine(tower, half.half(tower.module), WORDS) >= EXACT
        assert least_cosine(tower, int8.int8(tower.module), WORDS) >= CLOSE
    assert max(seen) < 10
    assert weight_bytes(int8.int8(tower.module)) < 0.5 * weight_bytes(tower.module)
