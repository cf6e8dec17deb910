"""Weights that were replaced are let go."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from retrieval.encoders.bundle import BUILTIN, manifest_read
from retrieval.encoders.registry import LoadedBundle, load_tower
from retrieval.encoders.runtime.apply import apply
from retrieval.encoders.runtime.choice import Choice
from tests.retrieval.encoders.open_clip_small import checkpoint
from tests.retrieval.encoders.runtime.test_exactness import spec

# A third-party deprecation inside transformers', timm's or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def large_weights(module: Any) -> list[weakref.ref[torch.Tensor]]:
    return [
        weakref.ref(part.weight)
        for part in module.modules()
        if type(part) is nn.Linear and part.weight.numel() >= 64 * 64
    ]


@pytest.mark.parametrize("which", ["starter text", "hugging-face-mean", "vit text", "vit image"])
@pytest.mark.parametrize("engine", ["int8", "half"])
def test_replaced_weights_are_let_go(tmp_path: Path, which: str, engine: Any) -> None:
    if which == "starter text":
        manifest = manifest_read(BUILTIN)
        tower: Any = load_tower(BUILTIN, manifest.towers["text"], manifest.dimension)
    else:
        name, _, modality = which.partition(" ")
        config = checkpoint(tmp_path / "model", name)
        config |= {"tokenizer": {"folder": "tokenizer"}, "text_folder": "text"}
        found = spec("open_clip", modality or "text", config)
        tower = load_tower(tmp_path / "model", found, config["model_cfg"]["embed_dim"])
    weights = large_weights(tower.module)
    manifest_stub: Any = None
    bundle = LoadedBundle(manifest=manifest_stub, towers={"it": tower})
    served: Any = apply(bundle, {"it": Choice(engine=engine)}, beside=tmp_path)
    assert served.towers["it"] is not tower
    del bundle, tower
    gc.collect()
    alive = [weight for weight in weights if weight() is not None]
    assert not alive
    assert weights or which.startswith(("vit", "hugging"))
