"""Checkpoints of open_clip's architectures, in its own layout or in transformers' CLIPModel's."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import OPEN_CLIP_CONFIG, read_json, tokenizer_files
from retrieval.encoders.errors import BundleError
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.torchvision_compat import declare_missing_operators

_LONGEST_SIDE = 512
# Halves of the checkpoint that no tower reads: the loss's, and the decoder of CoCa.
_UNREAD = ("text_decoder.", "logit_bias")
_PREPROCESS = ("mean", "std", "interpolation", "resize_mode", "fill_color", "size")


def draft(request: Request, *, checkpoint: Path, weights: Path) -> Draft:
    """The bundle of an open_clip checkpoint; ``weights`` is it as safetensors.

    Raises:
        BundleError: the architecture is not said or not known, or the weights do not fit it.
    """
    declare_missing_operators()
    model_cfg, preprocess_cfg = _config(request)
    return built(request, model_cfg, preprocess_cfg, checkpoint=checkpoint, weights=weights)


def built(
    request: Request,
    model_cfg: dict[str, Any],
    preprocess_cfg: dict[str, Any],
    *,
    checkpoint: Path,
    weights: Path,
) -> Draft:
    """The bundle of weights that open_clip loads into the model it builds from ``model_cfg``.

    Raises:
        BundleError: it cannot, or a tokenizer or text configuration is missing.
    """
    files, places = _text_files(request, model_cfg)
    model = _loaded(model_cfg, weights, request.text)
    config = {"model_cfg": _here(model_cfg), "preprocess_cfg": preprocess_cfg, **places}
    side = max(_pair(model.visual.image_size))
    tower = {"library": "open_clip", "weights": "model.safetensors", "config": config}
    return Draft(
        dimension=int(model_cfg["embed_dim"]),
        towers={
            "text": {**tower, "input": {}},
            "image": {**tower, "input": {"longest_side": max(_LONGEST_SIDE, 2 * side)}},
        },
        tensors=_tensors(model, weights),
        checkpoint=checkpoint,
        files=files,
        notes=(f"Architecture: {request.architecture or model_cfg.get('name') or 'own'}.",),
        original=lambda encoder, inputs: _original(model, encoder, inputs),
    )


def _config(request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """open_clip's ``model_cfg`` and ``preprocess_cfg``."""
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    given: dict[str, Any] = {}
    if request.config is not None:
        given = read_json(request.config)
    elif request.source.is_dir() and (request.source / OPEN_CLIP_CONFIG).is_file():
        given = read_json(request.source / OPEN_CLIP_CONFIG)
    if given:
        model_cfg = dict(given.get("model_cfg", given))
        preprocess_cfg = dict(given.get("preprocess_cfg", {}))
    else:
        if request.architecture is None:
            raise BundleError("no-architecture", "Name the architecture: --architecture ViT-B-32.")
        model_cfg = open_clip.get_model_config(request.architecture)
        preprocess_cfg = {}
    if not isinstance(model_cfg, dict) or "vision_cfg" not in model_cfg:
        raise BundleError("no-architecture", "open_clip knows no architecture of that name.")
    if request.tag is not None:
        tagged = get_pretrained_cfg(request.architecture or "", request.tag)
        if not tagged:
            raise BundleError("no-tag", "open_clip knows no weights of that tag.")
        if bool(tagged.get("quick_gelu")) != bool(model_cfg.get("quick_gelu")):
            raise BundleError(
                "quick-gelu",
                "Those weights want the other GELU: the architecture with, or without, -quickgelu.",
            )
        preprocess_cfg = {key: tagged[key] for key in _PREPROCESS if tagged.get(key) is not None}
    return model_cfg, json.loads(json.dumps(preprocess_cfg))  # tuples as the manifest has them


def _text_files(
    request: Request, model_cfg: Mapping[str, Any]
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files of a text tower that comes from transformers, and where the manifest says they are."""
    text_cfg = model_cfg.get("text_cfg", {})
    if not (text_cfg.get("hf_tokenizer_name") or text_cfg.get("hf_model_name")):
        return {}, {}
    folder = request.text or (request.source if request.source.is_dir() else None)
    if folder is None:
        raise BundleError("no-tokenizer", "Name the folder with the tokenizer: --text FOLDER.")
    files = tokenizer_files(folder, under="tokenizer")
    places: dict[str, Any] = {"tokenizer": {"folder": "tokenizer"}}
    if text_cfg.get("hf_model_name"):
        if not (folder / "config.json").is_file() or request.text is None:
            raise BundleError(
                "no-config", "Name the folder with the text tower's config.json: --text FOLDER."
            )
        files["text/config.json"] = folder / "config.json"
        places["text_folder"] = "text"
    return files, places


def _here(model_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the bundle's own folders where it named repositories or paths."""
    text_cfg = dict(model_cfg.get("text_cfg", {}))
    for key, folder in (("hf_model_name", "text"), ("hf_tokenizer_name", "tokenizer")):
        if text_cfg.get(key):
            text_cfg[key] = folder
    return {**model_cfg, "text_cfg": text_cfg}


def _loaded(model_cfg: Mapping[str, Any], weights: Path, text: Path | None) -> Any:
    """open_clip's own model with the weights, loaded by its own rules, strictly."""
    import open_clip
    from open_clip.factory import load_checkpoint

    local = json.loads(json.dumps(model_cfg))
    if local.get("text_cfg", {}).get("hf_model_name"):
        local["text_cfg"]["hf_model_name"] = str(text)
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / OPEN_CLIP_CONFIG).write_text(json.dumps({"model_cfg": local}))
            model = open_clip.create_model(
                f"local-dir:{folder}", load_weights=False, pretrained_text=False
            )
        load_checkpoint(model, str(weights), strict=True)
    except (AssertionError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise BundleError(
            "bad-weights", "The weights do not fit the architecture, or open_clip knows none such."
        ) from error
    return model.eval()


def _tensors(model: Any, weights: Path) -> dict[str, Tensor]:
    """The model's tensors; in 16 bits where the checkpoint had them so and nothing is lost."""
    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 no mapping
    half = {frozenset({"F16"}): torch.float16, frozenset({"BF16"}): torch.bfloat16}.get(
        frozenset(kind for kind in kinds if "F" in kind)
    )
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        if name.startswith(_UNREAD):
            continue
        kept = value.detach().clone().contiguous()
        if half is not None and kept.dtype == torch.float32:
            small = kept.to(half)
            kept = small if torch.equal(small.float(), kept) else kept
        tensors[name] = kept
    return tensors


def _original(model: Any, encoder: TorchEncoder, inputs: tuple[Tensor, ...]) -> Tensor:
    with torch.inference_mode():
        if encoder.modality == "image":
            return torch.as_tensor(model.encode_image(inputs[0], normalize=True))
        return torch.as_tensor(model.encode_text(inputs[0], normalize=True))


def _pair(size: Any) -> tuple[int, int]:
    return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))
