"""Towers for any other modality: depth, thermal, inertial sensors, whatever comes as numbers.

The manifest describes the network and what it takes; no code comes with a bundle. Two forms:

- ``map``: a picture of numbers (h, w) or (h, w, channels), such as depth or heat, through a vision
  network of timm;
- ``series``: rows over time (time, channels), such as an inertial sensor's, through a transformer
  over patches of time, as ImageBind (Girdhar et al. 2023) reads IMU data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.torchvision_compat import declare_missing_operators
from retrieval.encoders.weights import weights_load, weights_read

_TIMM_NAME: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")  # no hub prefix, no path
_MOST: Final = 65_536  # of any size in a manifest
_RANK: Final = {"map": 3, "series": 2}


@dataclass(frozen=True)
class ArrayInput:
    """What a tower takes. ``size`` is (height, width) of a map, (rows,) of a series.

    Numbers are cut to ``limits``, then normalised by ``mean`` and ``std``, one for each channel.
    """

    form: str
    channels: int
    size: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    limits: tuple[float, float] | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> ArrayInput:
        """The ``input`` of a tower in a manifest.

        Raises:
            BundleError: a part is missing or of the wrong kind.
        """
        try:
            form, channels = given["form"], _whole(given["channels"])
            sizes = given["size"] if form == "map" else [given["samples"]]
            size = tuple(_whole(side) for side in sizes)
            mean = tuple(float(value) for value in given.get("mean", [0.0] * channels))
            std = tuple(float(value) for value in given.get("std", [1.0] * channels))
            limits = tuple(float(value) for value in given.get("limits", ()))
            right = len(size) == _RANK[form] - 1 and len(mean) == len(std) == channels
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                "bad-tower", "The manifest does not say what a tower takes."
            ) from error
        if not right or len(limits) not in {0, 2} or not all(value > 0 for value in std):
            raise BundleError("bad-tower", "What the manifest says of a tower's input disagrees.")
        low_high = (limits[0], limits[1]) if limits else None
        return cls(form, channels, size, mean, std, low_high)

    def checked(self, item: Any) -> npt.NDArray[np.float32]:
        """The item with its channels last, if it is of this form.

        Raises:
            ValueError: another type, number of axes or channels, no elements, not all finite.
        """
        if not isinstance(item, np.ndarray) or item.dtype not in (np.float32, np.uint8):
            raise ValueError("an item is a float32 or uint8 array")
        rank = _RANK[self.form]
        array = item[..., None] if item.ndim == rank - 1 and self.channels == 1 else item
        if array.ndim != rank or array.shape[-1] != self.channels or not array.size:
            raise ValueError(f"an item is ({'h, w' if rank > 2 else 'rows'}, channels)")  # noqa: PLR2004 maps
        if not np.isfinite(array).all():
            raise ValueError("an item holds finite numbers")
        return array.astype(np.float32)

    def fitted(self, item: npt.NDArray[np.float32]) -> Tensor:
        """The normalised item at the tower's size: float32 (channels, h, w) or (channels, rows).

        Maps are squashed. The middle of a longer series is taken; a shorter one ends in zeros.
        """
        array = np.clip(item, *self.limits) if self.limits else item
        mean, std = (np.asarray(values, np.float32) for values in (self.mean, self.std))
        array = (array - mean) / std
        tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 0)))
        if self.form == "map":
            return functional.interpolate(
                tensor[None], self.size, mode="bilinear", antialias=True, align_corners=False
            )[0]
        rows, wanted = tensor.shape[1], self.size[0]
        if rows > wanted:
            start = (rows - wanted) // 2
            return tensor[:, start : start + wanted]
        return functional.pad(tensor, (0, wanted - rows))


class MapTower(nn.Module):
    """A timm network over maps: (n, channels, h, w) to (n, d), L2-normalised."""

    def __init__(self, trunk: nn.Module) -> None:
        """``trunk`` ends in a linear layer to d."""
        super().__init__()
        self.trunk = trunk

    def forward(self, maps: Tensor) -> Tensor:
        """Embeddings (n, d)."""
        return functional.normalize(self.trunk(maps), dim=-1)


class SeriesTower(nn.Module):
    """A transformer over patches of time: (n, channels, rows) to (n, d), L2-normalised."""

    def __init__(
        self,
        *,
        channels: int,
        rows: int,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        dimension: int,
    ) -> None:
        """Random weights; ``rows`` behind the last whole patch are not read."""
        super().__init__()
        self.patches = nn.Conv1d(channels, width, patch, stride=patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, rows // patch + 1, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, dimension)

    def forward(self, rows: Tensor) -> Tensor:
        """Embeddings (n, d)."""
        x = self.patches(rows).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.positions
        return functional.normalize(self.head(self.norm(self.encoder(x)[:, 0])), dim=-1)


class ArrayEncoder(TorchEncoder):
    """Arrays of one form, of any height and width, or of any number of rows."""

    def __init__(
        self, tower: nn.Module, *, modality: str, dimension: int, takes: ArrayInput
    ) -> None:
        """``takes`` says the form of the items."""
        super().__init__(tower, modality=modality, dimension=dimension)
        self.takes = takes

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """All items together: float32 (n, channels, h, w) or (n, channels, rows)."""
        arrays = [self.takes.checked(item) for item in items]
        if arrays:
            yield (
                list(range(len(arrays))),
                (torch.stack([self.takes.fitted(array) for array in arrays]),),
            )


def load(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """The tower of whatever modality ``spec`` describes.

    Raises:
        BundleError: the description is not known here, or the weights do not fit.
    """
    takes = ArrayInput.read(spec.input)
    network = spec.config.get("network")
    if not isinstance(network, Mapping) or spec.weights is None:
        raise BundleError("bad-tower", "A tower lacks its network or its weights.")
    build = {"map": _map_tower, "series": _series_tower}[takes.form]
    try:
        tower = build(network, takes, dimension)
    except (AssertionError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise BundleError("bad-tower", "A tower so described cannot be built.") from error
    weights_load(tower, weights_read(folder / spec.weights, lambda name: name))
    return ArrayEncoder(tower, modality=spec.modality, dimension=dimension, takes=takes)


def _map_tower(network: Mapping[str, Any], takes: ArrayInput, dimension: int) -> nn.Module:
    declare_missing_operators()
    import timm

    name = network["architecture"]
    if network["kind"] != "timm" or not _TIMM_NAME.fullmatch(name):
        raise ValueError("a map goes through a timm network, named without path or prefix")
    words: dict[str, Any] = {"in_chans": takes.channels, "num_classes": dimension}
    usual = timm.get_pretrained_cfg(name)
    if usual is not None and usual.fixed_input_size:
        words["img_size"] = takes.size
    return MapTower(timm.create_model(name, pretrained=False, **words))


def _series_tower(network: Mapping[str, Any], takes: ArrayInput, dimension: int) -> nn.Module:
    if network["kind"] != "series":
        raise ValueError("a series goes through the series network")
    sizes = {name: _whole(network[name]) for name in ("patch", "width", "layers", "heads")}
    return SeriesTower(channels=takes.channels, rows=takes.size[0], dimension=dimension, **sizes)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
        raise ValueError("a size is a positive whole number")
    return value
