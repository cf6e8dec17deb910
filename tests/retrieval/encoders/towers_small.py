"""A bundle of tiny random towers, made in a folder for a test."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

from retrieval.alignment.image_student import ImageStudent
from retrieval.encoders.towers import AudioTower

DIMENSION = 16
VISION = {
    "timm_model_name": "test_resnet",
    "timm_pool": "avg",
    "timm_proj": "",
    "image_size": 64,
}
MEL = {
    "sample_rate": 8000,
    "n_fft": 256,
    "hop": 128,
    "bands": 32,
    "low_hz": 50.0,
    "high_hz": 3900.0,
}


def small_bundle(folder: Path, **changes: Any) -> Path:
    """A valid bundle with two towers; ``changes`` replace parts of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    image = ImageStudent(VISION, dimension=DIMENSION)
    audio = AudioTower("test_resnet", width=32, dimension=DIMENSION)
    save_file(image.state_dict(), str(folder / "image.safetensors"))
    save_file(audio.state_dict(), str(folder / "audio.safetensors"))
    bank = np.random.default_rng(0).standard_normal((8, DIMENSION)).astype(np.float16)
    save_numpy({"image": bank, "audio": bank}, str(folder / "reference.safetensors"))
    (folder / "MODEL_CARD.md").write_text("A test bundle.\n")
    manifest: dict[str, Any] = {
        "format": 1,
        "name": "small",
        "version": "1",
        "space": "small",
        "dimension": DIMENSION,
        "licence": "CC0-1.0",
        "towers": {
            "image": {
                "library": "open_clip",
                "weights": "image.safetensors",
                "config": {
                    "model_cfg": {"embed_dim": DIMENSION, "vision_cfg": VISION},
                    "preprocess_cfg": {"interpolation": "bilinear", "resize_mode": "squash"},
                },
                "input": {"longest_side": 128, "mirror": True},
            },
            "audio": {
                "library": "timm",
                "weights": "audio.safetensors",
                "config": {"architecture": "test_resnet", "width": 32},
                "input": {"sample_rate": 8000, "mel": MEL},
            },
        },
    }
    manifest.update(changes)
    manifest.setdefault("files", hashes(folder))
    write_manifest(folder, manifest)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / "manifest.json").write_text(json.dumps(manifest))


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found
