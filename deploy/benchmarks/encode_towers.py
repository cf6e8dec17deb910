"""ViT-B-32 and HTSAT-tiny with random weights: as their libraries run them, and as bundles do."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import nn

from retrieval.encoders.clap_features import fitted, quantised
from retrieval.encoders.clap_module import audio_branch, audio_config
from retrieval.encoders.manifest import TowerSpec
from retrieval.encoders.registry import load_tower
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.torchvision_compat import declare_missing_operators

DIMENSION = 512
_VIT = "ViT-B-32"
_RATE, _SECONDS = 48_000, 10
# clap_module/model_configs/HTSAT-tiny.json of laion-clap 1.1.7
_AUDIO = {
    "model_type": "HTSAT",
    "model_name": "tiny",
    "sample_rate": _RATE,
    "audio_length": 1024,
    "clip_samples": _RATE * _SECONDS,
    "mel_bins": 64,
    "window_size": 1024,
    "hop_size": 480,
    "fmin": 50,
    "fmax": 14_000,
    "class_num": 527,
}
_HTSAT_WIDTH = 768

Stock = Callable[[Sequence[Any]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Pair:
    """One tower twice with the same weights: ``stock`` is what the library's own words do."""

    stock: Stock
    tower: TorchEncoder
    spec: TowerSpec
    parameters: int


def clip_pairs(folder: Path) -> dict[str, Pair]:
    """ViT-B-32's text and image tower; writes its checkpoint into ``folder``."""
    declare_missing_operators()
    import open_clip
    from PIL import Image

    logging.getLogger().setLevel(logging.ERROR)  # open_clip warns that weights are random
    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms(_VIT)
    model.eval()
    tokenizer = open_clip.get_tokenizer(_VIT)
    state = {name: value.contiguous().clone() for name, value in model.state_dict().items()}
    save_file(state, str(folder / "clip.safetensors"))
    config = {"model_cfg": open_clip.get_model_config(_VIT), "preprocess_cfg": {}}

    def texts(items: Sequence[Any]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            return _array(model.encode_text(tokenizer(list(items)), normalize=True))

    def images(items: Sequence[Any]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            pixels = torch.stack([preprocess(Image.fromarray(item)) for item in items])
            return _array(model.encode_image(pixels, normalize=True))

    visual = sum(p.numel() for p in model.visual.parameters())
    sizes = {"image": visual, "text": sum(p.numel() for p in model.parameters()) - visual}
    stock: dict[str, Stock] = {"text": texts, "image": images}
    return {
        name: _pair(stock[name], _spec("open_clip", name, "clip", config), folder, sizes[name])
        for name in ("text", "image")
    }


def clap_pair(folder: Path) -> Pair:
    """HTSAT-tiny, unfused; writes its checkpoint into ``folder``.

    ``stock`` is what ``CLAP.get_audio_embedding`` does; the text half, which a random CLAP would
    have to fetch from a hub, is not built.
    """
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of laion-clap's own code
        branch = audio_branch(audio_config(_AUDIO), enable_fusion=False, fusion_type="None").eval()
    # Log-mels lie about -40 dB, as the statistics of a trained tower know.
    branch.bn0.running_mean.fill_(-40.0)
    branch.bn0.running_var.fill_(200.0)
    projection = nn.Sequential(
        nn.Linear(_HTSAT_WIDTH, DIMENSION), nn.ReLU(), nn.Linear(DIMENSION, DIMENSION)
    )
    state = {f"audio_branch.{name}": value for name, value in branch.state_dict().items()}
    state |= {f"audio_projection.{name}": value for name, value in projection.state_dict().items()}
    save_file(
        {name: value.contiguous() for name, value in state.items()}, folder / "clap.safetensors"
    )

    def sounds(items: Sequence[Any]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            waves = torch.stack([fitted(quantised(item), _RATE * _SECONDS) for item in items])
            heard = branch({"waveform": waves}, mixup_lambda=None, device=torch.device("cpu"))
            vectors = projection(heard["embedding"])
            return _array(nn.functional.normalize(vectors, dim=-1))

    size = sum(p.numel() for part in (branch, projection) for p in part.parameters())
    config = {"model_cfg": {"embed_dim": _HTSAT_WIDTH, "audio_cfg": _AUDIO}}
    return _pair(sounds, _spec("laion_clap", "audio", "clap", config), folder, size)


def _spec(library: str, modality: str, file: str, config: dict[str, Any]) -> TowerSpec:
    return TowerSpec(
        modality=modality,
        library=library,
        weights=f"{file}.safetensors",
        package=None,
        package_files={},
        config=config,
        input={"sample_rate": _RATE} if modality == "audio" else {},
    )


def _pair(stock: Stock, spec: TowerSpec, folder: Path, parameters: int) -> Pair:
    tower = load_tower(folder, spec, DIMENSION)
    if not isinstance(tower, TorchEncoder):
        raise TypeError(f"a tower of {spec.library} is a {type(tower).__name__}")
    return Pair(stock, tower, spec, parameters)


def _array(vectors: torch.Tensor) -> npt.NDArray[np.float32]:
    rows: npt.NDArray[np.float32] = vectors.float().numpy()
    return rows
