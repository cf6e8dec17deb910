"""A bundle with six modalities, as ImageBind has, made of tiny random towers of every library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

from retrieval.encoders.tensors import SeriesTower

DIMENSION = 24
DEPTH = {"form": "map", "channels": 1, "size": [32, 48], "mean": [2.0], "std": [1.5]}
DEPTH |= {"limits": [0.0, 10.0]}
THERMAL = {"form": "map", "channels": 3, "size": [160, 160]}
IMU = {"form": "series", "channels": 6, "samples": 100, "rate_hz": 10}
IMU_NETWORK = {"kind": "series", "patch": 10, "width": 16, "layers": 2, "heads": 2}
# P(relevant) is one half at a cosine of 0.5.
PARAMETERS = {
    "version": 1,
    "weights": {"z": 0.0, "similarity": 20.0, "peak": 0.0},
    "bias": -10.0,
    "threshold": 0.9,
}


def array_towers(folder: Path) -> dict[str, Any]:
    """Depth, thermal and IMU towers of a manifest, their weights written to ``folder``."""
    from retrieval.encoders.torchvision_compat import declare_missing_operators

    declare_missing_operators()
    import timm

    torch.manual_seed(2)
    networks = {"depth": "test_resnet", "thermal": "test_vit"}
    towers: dict[str, Any] = {}
    for modality, takes in (("depth", DEPTH), ("thermal", THERMAL)):
        name = networks[modality]
        trunk = timm.create_model(name, in_chans=takes["channels"], num_classes=DIMENSION)
        torch.nn.init.normal_(trunk.get_classifier().weight, std=1.0)
        state = {f"trunk.{key}": value for key, value in trunk.state_dict().items()}
        save_file(state, str(folder / f"{modality}.safetensors"))
        network = {"kind": "timm", "architecture": name}
        towers[modality] = tower(f"{modality}.safetensors", network, takes)
    series = SeriesTower(
        channels=6, rows=100, dimension=DIMENSION, patch=10, width=16, layers=2, heads=2
    )
    save_file(series.state_dict(), str(folder / "imu.safetensors"))
    towers["imu"] = tower("imu.safetensors", IMU_NETWORK, IMU)
    return towers


def tower(weights: str, network: dict[str, Any], takes: dict[str, Any]) -> dict[str, Any]:
    return {
        "library": "tensors",
        "weights": weights,
        "config": {"network": network},
        "input": takes,
    }


def six_bundle(folder: Path) -> Path:
    """Text and image through open_clip, audio through laion-clap, the rest as arrays."""
    from retrieval.encoders.clap_module import audio_branch, audio_config
    from tests.retrieval.encoders.open_clip_small import checkpoint

    config = checkpoint(folder, "vit")
    (folder / "open_clip_config.json").unlink()
    clip = {"library": "open_clip", "weights": "model.safetensors", "config": config, "input": {}}
    audio = {"model_type": "PANN", "model_name": "Cnn6", "sample_rate": 8_000, "class_num": 2}
    audio |= {"window_size": 256, "hop_size": 200, "clip_samples": 16_000, "fmax": 4_000}
    branch = audio_branch(audio_config(audio), enable_fusion=False, fusion_type="None")
    state = {f"audio_branch.{name}": v.contiguous() for name, v in branch.state_dict().items()}
    for name, width in {"0": 512, "2": DIMENSION}.items():
        state[f"audio_projection.{name}.weight"] = torch.randn(DIMENSION, width) * 0.2
        state[f"audio_projection.{name}.bias"] = torch.zeros(DIMENSION)
    save_file(state, str(folder / "audio.safetensors"))
    cfg = {"embed_dim": 512, "joint_embed_shape": DIMENSION, "audio_cfg": audio}
    heard = {"library": "laion_clap", "weights": "audio.safetensors", "config": {"model_cfg": cfg}}
    towers = {
        "text": clip,
        "image": clip,
        "audio": {**heard, "input": {"sample_rate": 8_000}},
        **array_towers(folder),
    }
    bank = np.random.default_rng(0).standard_normal((40, DIMENSION)).astype(np.float16)
    save_numpy(dict.fromkeys(towers, bank), str(folder / "reference.safetensors"))
    pairs = [
        {"query_modality": asked, "target_modality": found, "parameters": PARAMETERS}
        for asked in towers
        for found in towers
    ]
    (folder / "calibration.json").write_text(json.dumps({"pairs": pairs}))
    (folder / "MODEL_CARD.md").write_text("Random towers, for tests.\n")
    manifest = {
        "format": 1,
        "name": "six",
        "version": "1",
        "space": "six",
        "dimension": DIMENSION,
        "licence": "CC0-1.0",
        "towers": towers,
        "files": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
