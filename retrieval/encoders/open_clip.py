"""Text and image towers of open_clip, from a local bundle: any architecture it can build.

A tower's ``config`` in the manifest holds ``model_cfg`` and ``preprocess_cfg`` as open_clip's own
``open_clip_config.json`` does; weights are in open_clip's layout, as safetensors. Text towers and
tokenizers from transformers come from folders of the bundle. Nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from retrieval.encoders.base import Encoder, image_checked, text_checked
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.hugging_face import config_folder, tokenizer_folder
from retrieval.encoders.open_clip_towers import ImageTower, TextTower
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.torchvision_compat import declare_missing_operators
from retrieval.encoders.weights import weights_load, weights_names, weights_read

_TIMM_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")  # no hub prefix, no path
# What open_clip's CLIP class calls the parts of its text tower; CustomTextCLIP and CoCa say text.*
_CLIP_TEXT = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_proj")
_TOKENIZER_WORDS = frozenset({"clean", "strip_sep_token", "language", "additional_special_tokens"})


class ImageEncoder(TorchEncoder):
    """Pictures of any size, through open_clip's own inference transform."""

    def __init__(self, tower: ImageTower, *, dimension: int, preprocess: Any) -> None:
        """``preprocess`` turns a PIL image into a float tensor (3, h, w)."""
        super().__init__(tower, modality="image", dimension=dimension)
        self.preprocess = preprocess

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """All pictures together: float (n, 3, h, w)."""
        from PIL import Image

        images = [image_checked(item) for item in items]
        if images:
            pixels = torch.stack([self.preprocess(Image.fromarray(image)) for image in images])
            yield list(range(len(images))), (pixels,)


class TextEncoder(TorchEncoder):
    """Texts; what lies behind the context length is not read."""

    def __init__(self, tower: TextTower, *, dimension: int, tokenizer: Any) -> None:
        """``tokenizer`` turns texts into ids, int64 (n, context length)."""
        super().__init__(tower, modality="text", dimension=dimension)
        self.tokenizer = tokenizer

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """All texts together: int64 (n, context length)."""
        texts = [text_checked(item) for item in items]
        if texts:
            yield list(range(len(texts))), (self.tokenizer(texts),)


def load(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """The text or image tower that ``spec`` describes; only that half is read from the checkpoint.

    Raises:
        BundleError: the description names something that is not in the bundle, open_clip cannot
            build it, the weights do not fit, or the modality is another one.
    """
    declare_missing_operators()
    model_cfg = deepcopy(dict(spec.config.get("model_cfg", {})))
    if model_cfg.get("embed_dim") != dimension:
        raise BundleError("bad-dimension", "embed_dim of an open_clip tower is not the manifest's.")
    if spec.modality == "image":
        return _image(folder, spec, model_cfg)
    if spec.modality == "text":
        return _text(folder, spec, model_cfg)
    raise BundleError("bad-tower", "An open_clip tower embeds texts or pictures.")


def _image(folder: Path, spec: TowerSpec, model_cfg: dict[str, Any]) -> ImageEncoder:
    from open_clip.model import _build_vision_tower, resize_pos_embed
    from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

    vision_cfg = _part(model_cfg, "vision_cfg")
    vision_cfg["timm_model_pretrained"] = False
    if not _TIMM_NAME.fullmatch(vision_cfg.get("timm_model_name") or "none"):
        raise BundleError("bad-tower", "A timm architecture is named without path or prefix.")
    visual = _built(_build_vision_tower, model_cfg, vision_cfg)
    state = weights_read(_file(folder, spec), lambda name: _under(name, "visual.", "visual."))
    resize_pos_embed(state, SimpleNamespace(visual=visual))
    weights_load(visual, {name.removeprefix("visual."): value for name, value in state.items()})
    cfg = merge_preprocess_dict(asdict(PreprocessCfg()), spec.config.get("preprocess_cfg", {}))
    cfg["size"] = visual.image_size  # as open_clip's create_model does
    return ImageEncoder(
        ImageTower(visual, mirror=bool(spec.input.get("mirror", False))),
        dimension=model_cfg["embed_dim"],
        preprocess=image_transform_v2(PreprocessCfg(**cfg), is_train=False),
    )


def _text(folder: Path, spec: TowerSpec, model_cfg: dict[str, Any]) -> TextEncoder:
    from open_clip.model import _build_text_tower, resize_text_pos_embed

    text_cfg = _part(model_cfg, "text_cfg")
    tokenizer = _tokenizer(folder, spec, text_cfg)
    text_cfg["hf_model_pretrained"] = False
    if text_cfg.get("hf_model_name"):
        text_cfg["hf_model_name"] = str(config_folder(folder, spec.config.get("text_folder")))
    text = _built(_build_text_tower, model_cfg, text_cfg)
    path = _file(folder, spec)
    prefixes = ("text.",) if any(n.startswith("text.") for n in weights_names(path)) else _CLIP_TEXT
    state = weights_read(
        path, lambda name: name.removeprefix("text.") if name.startswith(prefixes) else None
    )
    if not text_cfg.get("hf_model_name"):
        resize_text_pos_embed(state, text)
    weights_load(text, state)
    return TextEncoder(TextTower(text), dimension=model_cfg["embed_dim"], tokenizer=tokenizer)


def _tokenizer(folder: Path, spec: TowerSpec, text_cfg: Mapping[str, Any]) -> Any:
    """What open_clip's ``get_tokenizer`` gives, but from the bundle.

    ``reduction_mask`` is left out: it drops random words of long texts, and an answer must not
    depend on chance; long texts are cut at the end instead.
    """
    from open_clip.tokenizer import DEFAULT_CONTEXT_LENGTH, HFTokenizer, SimpleTokenizer

    words = dict(text_cfg.get("tokenizer_kwargs") or {})
    words.pop("reduction_mask", None)
    if not words.keys() <= _TOKENIZER_WORDS:
        raise BundleError("bad-tower", "A tokenizer has a setting that is not known here.")
    length = text_cfg.get("context_length", DEFAULT_CONTEXT_LENGTH)
    if not (text_cfg.get("hf_tokenizer_name") or text_cfg.get("hf_model_name")):
        return SimpleTokenizer(context_length=length, **words)
    return HFTokenizer(
        str(tokenizer_folder(folder, spec.config.get("tokenizer"))),
        context_length=length,
        tokenizer_mode=text_cfg.get("tokenizer_mode"),
        local_files_only=True,
        trust_remote_code=False,
        **words,
    )


def _built(build: Any, model_cfg: Mapping[str, Any], part: Mapping[str, Any]) -> Any:
    quick = bool(model_cfg.get("quick_gelu", False))
    try:
        tower: nn.Module = build(model_cfg["embed_dim"], dict(part), quick)
    except (AssertionError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise BundleError("bad-tower", "open_clip cannot build a tower so described.") from error
    return tower


def _part(model_cfg: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = model_cfg.get(name)
    if not isinstance(part, dict):
        raise BundleError("bad-tower", f"An open_clip tower lacks its {name}.")
    return part


def _under(name: str, prefix: str, new: str) -> str | None:
    return new + name.removeprefix(prefix) if name.startswith(prefix) else None


def _file(folder: Path, spec: TowerSpec) -> Path:
    if spec.weights is None:
        raise BundleError("bad-tower", "An open_clip tower has weights in its bundle.")
    return folder / spec.weights
