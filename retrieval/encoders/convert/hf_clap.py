"""transformers' ClapModel folders: laion-clap's networks under other names.

The mapping reverses transformers' convert_clap_original_pytorch_to_hf.py. Parts that transformers
left out because embeddings do not pass them (a classifier) become zeros; what follows from the
settings alone (masks, filters) is taken from a freshly built network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.encoders.clap_module import audio_branch, audio_config
from retrieval.encoders.convert import laion_clap
from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import read_json
from retrieval.encoders.errors import BundleError

_NAMES = {96: "tiny", 128: "base", 256: "large"}  # as in clap_module/htsat.py
_AUDIO = "audio_model.audio_encoder."
_PARTS = (
    ("attention.self.relative_position", "attn.relative_position"),
    ("attention.output.dense", "attn.proj"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("batch_norm.", "bn0."),
)
_JOINED = re.compile(r"(.+)\.attention\.self\.(query|key|value)\.(weight|bias)")
_PROJECTION = re.compile(r"(text|audio)_projection\.linear([12])\.(weight|bias)")
_CLASSIFIER = ("tscam_conv.", "head.")
# Buffers and filters that a network is built with, which do not depend on training.
_BUILT = ("attn_mask", "relative_position_index", "spectrogram_extractor.", "logmel_extractor.")


def draft(request: Request, *, checkpoint: Path, weights: Path) -> Draft:
    """The bundle of a ClapModel folder; ``weights`` is its checkpoint as safetensors.

    Raises:
        BundleError: its audio network is none of laion-clap's, or a tensor does not fit.
    """
    from safetensors.torch import load_file

    config = read_json(request.source / "config.json")
    audio = config.get("audio_config")
    if not isinstance(audio, dict):
        raise BundleError("bad-json", "config.json's audio_config is not an object.")
    audio_cfg = _audio_cfg(audio, request.source)
    state = renamed(load_file(weights))
    _complete(state, audio_cfg, fused=bool(audio.get("enable_fusion", False)))
    return laion_clap.built(request, state, checkpoint=checkpoint, audio_cfg=audio_cfg)


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The towers' tensors under laion-clap's names.

    Raises:
        BundleError: a layer lacks its queries, keys or values.
    """
    found: dict[str, Tensor] = {}
    joined: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        projection = _PROJECTION.fullmatch(name)
        if projection is not None:
            place = 2 * (int(projection[2]) - 1)  # a nonlinearity lies between
            found[f"{projection[1]}_projection.{place}.{projection[3]}"] = value
        elif name.startswith("text_model.") and not name.endswith(("_ids",)):
            found["text_branch." + name.removeprefix("text_model.")] = value
        elif name.startswith(_AUDIO):
            inner = name.removeprefix(_AUDIO)
            part = _JOINED.fullmatch(inner)
            if part is not None:
                joined.setdefault(f"audio_branch.{part[1]}.attn.qkv.{part[3]}", {})[part[2]] = value
                continue
            for theirs, ours in _PARTS:
                inner = inner.replace(theirs, ours)
            found["audio_branch." + inner] = value
    for name, parts in joined.items():
        if parts.keys() != {"query", "key", "value"}:
            raise BundleError("bad-weights", "A layer lacks its queries, keys or values.")
        found[name] = torch.cat([parts[part] for part in ("query", "key", "value")])
    return {name: value.contiguous() for name, value in found.items()}


def _complete(state: dict[str, Tensor], audio_cfg: Mapping[str, Any], *, fused: bool) -> None:
    """Adds what laion-clap's network has and transformers does not keep."""
    fusion = "aff_2d" if fused else "None"
    built = audio_branch(audio_config(audio_cfg), enable_fusion=fused, fusion_type=fusion)
    for inner, value in built.state_dict().items():
        name = f"audio_branch.{inner}"
        if name in state:
            continue
        if inner.startswith(_CLASSIFIER):
            state[name] = torch.zeros_like(value)
        elif inner.startswith(_BUILT) or inner.endswith(_BUILT):
            state[name] = value.clone().contiguous()
        else:
            raise BundleError("bad-weights", "The checkpoint lacks a part of the audio network.")


def _audio_cfg(audio: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """laion-clap's ``audio_cfg``; spectrograms as preprocessor_config.json says."""
    name = _NAMES.get(int(audio.get("patch_embeds_hidden_size", 96)))
    known = laion_clap.architecture(f"HTSAT-{name}")["audio_cfg"] if name else None
    if known is None or audio.get("projection_hidden_act", "relu") != "relu":
        raise BundleError("no-architecture", "The audio network is none of laion-clap's.")
    path = folder / "preprocessor_config.json"
    given = read_json(path) if path.is_file() else {}
    words = {
        "sample_rate": "sampling_rate",
        "window_size": "fft_window_size",
        "hop_size": "hop_length",
        "mel_bins": "feature_size",
        "fmin": "frequency_min",
        "fmax": "frequency_max",
    }
    said = {ours: int(given[theirs]) for ours, theirs in words.items() if theirs in given}
    return {**known, **said}
