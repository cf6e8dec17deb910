"""transformers' CLIPModel folders: the same network as open_clip's CLIP under other names.

Names on the left are transformers 5's (models/clip/modeling_clip.py), on the right open_clip 3.3's
(model.py, transformer.py). Queries, keys and values lie in one matrix there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.encoders.convert import open_clip
from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import read_json
from retrieval.encoders.errors import BundleError

_CLIP_WORDS = 49_408  # the vocabulary of CLIP's own tokenizer, which open_clip carries
_NORM_EPS = 1e-5  # open_clip's LayerNorm
_ACTIVATIONS = {"quick_gelu": True, "gelu": False}
_BICUBIC = 3  # PIL.Image.Resampling
_OUTSIDE = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "logit_scale": "logit_scale",
}
_TURNED = {"visual_projection.weight": "visual.proj", "text_projection.weight": "text_projection"}
_LAYER = re.compile(r"(vision|text)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_INSIDE = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_JOINED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_TRUNK = {"vision": "visual.transformer", "text": "transformer"}


def draft(request: Request, *, checkpoint: Path, weights: Path, work: Path) -> Draft:
    """The bundle of a CLIPModel folder; ``weights`` is its checkpoint as safetensors.

    Raises:
        BundleError: it is not CLIP as OpenAI made it: another activation, tokenizer or norm.
    """
    from safetensors.torch import load_file, save_file

    model_cfg = _model_cfg(read_json(request.source / "config.json"))
    named = work / "named.safetensors"
    save_file(renamed(load_file(weights)), named)
    return open_clip.built(
        request, model_cfg, _preprocess_cfg(request.source), checkpoint=checkpoint, weights=named
    )


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under open_clip's names.

    Raises:
        BundleError: one has a name that CLIPModel does not give.
    """
    found: dict[str, Tensor] = {}
    joined: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        layer = _LAYER.fullmatch(name)
        if name.endswith(".position_ids"):
            continue
        if name in _OUTSIDE:
            found[_OUTSIDE[name]] = value
        elif name in _TURNED:
            found[_TURNED[name]] = value.t()
        elif layer is not None and layer[3] in _INSIDE:
            found[f"{_block(layer)}.{_INSIDE[layer[3]]}.{layer[4]}"] = value
        elif layer is not None and layer[3] in _JOINED:
            joined.setdefault(f"{_block(layer)}.attn.in_proj_{layer[4]}", {})[layer[3]] = value
        else:
            raise BundleError("bad-weights", "A tensor's name is not one of CLIPModel's.")
    for name, parts in joined.items():
        if parts.keys() != set(_JOINED):
            raise BundleError("bad-weights", "A layer lacks its queries, keys or values.")
        found[name] = torch.cat([parts[part] for part in _JOINED])
    return {name: value.contiguous() for name, value in found.items()}


def _block(layer: re.Match[str]) -> str:
    return f"{_TRUNK[layer[1]]}.resblocks.{layer[2]}"


def _model_cfg(config: Mapping[str, Any]) -> dict[str, Any]:
    text, vision = _half(config, "text_config"), _half(config, "vision_config")
    act = {str(half.get("hidden_act", "quick_gelu")) for half in (text, vision)}
    eps = {float(half.get("layer_norm_eps", _NORM_EPS)) for half in (text, vision)}
    if len(act) != 1 or not act <= _ACTIVATIONS.keys() or eps != {_NORM_EPS}:
        raise BundleError("not-clip", "The activation or the norm is not CLIP's.")
    if int(text.get("vocab_size", _CLIP_WORDS)) != _CLIP_WORDS:
        raise BundleError("not-clip", "The vocabulary is not CLIP's.")
    return {
        "embed_dim": int(config.get("projection_dim", 512)),
        "quick_gelu": _ACTIVATIONS[act.pop()],
        "vision_cfg": {
            "image_size": int(vision.get("image_size", 224)),
            "patch_size": int(vision.get("patch_size", 32)),
            **_trunk(vision, width=768, inner=3072),
            "head_width": int(vision.get("hidden_size", 768))
            // int(vision.get("num_attention_heads", 12)),
        },
        "text_cfg": {
            "context_length": int(text.get("max_position_embeddings", 77)),
            "vocab_size": _CLIP_WORDS,
            **_trunk(text, width=512, inner=2048),
            "heads": int(text.get("num_attention_heads", 8)),
        },
    }


def _trunk(half: Mapping[str, Any], *, width: int, inner: int) -> dict[str, Any]:
    """Width, depth and ratio; transformers' defaults where config.json leaves them out."""
    hidden = int(half.get("hidden_size", width))
    return {
        "width": hidden,
        "layers": int(half.get("num_hidden_layers", 12)),
        "mlp_ratio": int(half.get("intermediate_size", inner)) / hidden,
    }


def _half(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    half = config.get(name, {})
    if not isinstance(half, dict):
        raise BundleError("bad-json", f"config.json's {name} is not an object.")
    return half


def _preprocess_cfg(folder: Path) -> dict[str, Any]:
    """open_clip's words for preprocessor_config.json: shortest side, centre crop, bicubic."""
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return {}
    given = read_json(path)
    if int(given.get("resample", _BICUBIC)) != _BICUBIC:
        raise BundleError("not-clip", "The pictures are not resized as CLIP's are.")
    words = {"mean": given.get("image_mean"), "std": given.get("image_std")}
    return {
        **{key: value for key, value in words.items() if value is not None},
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
