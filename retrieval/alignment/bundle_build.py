"""Puts trained towers together into a bundle: weights as fp16, calibration, bank, card, hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file

from retrieval.alignment.anchors import packaged_sentence_model
from retrieval.alignment.calibrate import calibrate
from retrieval.alignment.image_student import MEAN, STD
from retrieval.alignment.trained_on import training_in
from retrieval.encoders.bundle import (
    FORMAT,
    REFERENCE,
    Manifest,
    file_sha256,
    manifest_parse,
)
from retrieval.encoders.registry import load_tower

TEXT_FILES = (
    "model/config.json",
    "model/model.safetensors",
    "model/modules.json",
    "model/sentence_bert_config.json",
    "model/config_sentence_transformers.json",
    "model/special_tokens_map.json",
    "model/tokenizer.json",
    "model/tokenizer_config.json",
    "model/vocab.txt",
    "model/1_Pooling/config.json",
)
LICENCE = (
    "Weights: non-commercial research, as the training photos of Flickr8k are. See MODEL_CARD.md."
)


def weights_write(state: dict[str, torch.Tensor], path: Path) -> None:
    """``state`` as safetensors, floating point as fp16."""
    half = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in state.items()}
    save_file(half, str(path))


def manifest_data(
    image: dict[str, Any], audio: dict[str, Any], *, version: str, dimension: int
) -> dict[str, Any]:
    """``manifest.json`` without the hashes of the bundle's own files."""
    package = image["text_package"]
    root = packaged_sentence_model(package).parent
    return {
        "format": FORMAT,
        "name": "starter",
        "version": version,
        "space": "starter",
        "dimension": dimension,
        "licence": LICENCE,
        "model_card": "MODEL_CARD.md",
        "towers": {
            "text": {
                "library": "sentence_transformers",
                "package": package,
                "package_files": {name: file_sha256(root / name) for name in TEXT_FILES},
                "config": {"folder": "model"},
                "input": {"max_tokens": 256},
            },
            "image": {
                "library": "open_clip",
                "weights": "image.safetensors",
                "config": {
                    "model_cfg": {"embed_dim": dimension, "vision_cfg": image["vision_cfg"]},
                    "preprocess_cfg": {
                        "mean": list(MEAN),
                        "std": list(STD),
                        "interpolation": "bilinear",
                        "resize_mode": "squash",
                    },
                },
                "input": {"longest_side": 320, "mirror": True},
            },
            "audio": {
                "library": "timm",
                "weights": "audio.safetensors",
                "config": {"architecture": audio["architecture"], "width": 1024},
                "input": {
                    "preprocessing": "log-mel@1",
                    "sample_rate": 32000,
                    "mel": {
                        "sample_rate": 32000,
                        "n_fft": 1024,
                        "hop": 640,
                        "bands": 64,
                        "low_hz": 50.0,
                        "high_hz": 14000.0,
                    },
                },
            },
        },
        "files": {},
    }


def bundle_build(
    *, image: dict[str, Any], audio: dict[str, Any], work: Path, data: Path, out: Path, version: str
) -> Manifest:
    """The bundle in ``out``, from ``work/image.pt`` and ``work/audio.pt``.

    Calibration is fitted here.

    ``MODEL_CARD.md`` is written by hand and must lie in ``out``.
    """
    out.mkdir(parents=True, exist_ok=True)
    states = {
        name: torch.load(work / f"{name}.pt", weights_only=True) for name in ("image", "audio")
    }
    for name, state in states.items():
        weights_write(state, out / f"{name}.safetensors")
    dimension = len(states["audio"]["head.bias"])
    content = manifest_data(image, audio, version=version, dimension=dimension)
    training = training_in(work)
    if training:
        content["training"] = training
    _manifest_write(out, content)  # a tower's weights must be listed
    return bundle_calibrate(out, image=image, audio=audio, data=data)


def bundle_calibrate(
    out: Path, *, image: dict[str, Any], audio: dict[str, Any], data: Path
) -> Manifest:
    """The bundle in ``out`` with its calibrations and reference bank fitted anew.

    The towers, their name and version stay, and so does every vector made with them.
    """
    content: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    dimension = int(content["dimension"])
    towers = {
        modality: load_tower(out, spec, dimension)
        for modality, spec in manifest_parse(content).towers.items()
    }
    fitted, bank = calibrate(towers, image, audio, data)
    (out / "calibration.json").write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    save_numpy(
        {name: np.ascontiguousarray(rows, np.float16) for name, rows in bank.items()},
        str(out / REFERENCE),
    )
    return manifest_rehash(out)


def manifest_rehash(out: Path) -> Manifest:
    """The manifest of the bundle in ``out`` with the hashes of its files as they are now."""
    content: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    _manifest_write(out, content)
    for path in out.iterdir():
        path.chmod(0o644)
    return manifest_parse(content)


def _manifest_write(out: Path, content: dict[str, Any]) -> None:
    content["files"] = _hashes(out)
    (out / "manifest.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of the bundle but its manifest."""
    return {
        path.name: file_sha256(path)
        for path in sorted(folder.iterdir())
        if path.name != "manifest.json"
    }
