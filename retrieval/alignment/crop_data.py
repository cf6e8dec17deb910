"""Batches of crops out of the chunk files, with pixels varied and targets kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from retrieval.alignment.crops import CROP

MAP_AXES = 4  # (n, h, w, channels); a pooled target has two


@dataclass(frozen=True)
class CropBatch:
    """``pixels`` float 0..1 (n, 3, s, s); ``maps`` raw int8 channels-last; ``photo`` (n,)."""

    pixels: Tensor
    maps: dict[str, Tensor]
    photo: Tensor


def chunks_open(folder: Path) -> list[NDArray[np.void]]:
    """Memory maps of all finished chunks."""
    files = sorted(p for p in folder.glob("crops-*.npy") if not p.name.endswith(".part.npy"))
    return [np.load(path, mmap_mode="r") for path in files]


def order(chunks: list[NDArray[np.void]], rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """(chunk, row) of every record, shuffled."""
    where = np.concatenate(
        [np.stack([np.full(len(c), i), np.arange(len(c))], 1) for i, c in enumerate(chunks)]
    )
    for row in rng.permutation(len(where)):
        yield int(where[row, 0]), int(where[row, 1])


def varied(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """The same crops under other light: gain, offset, per-channel tint, grey, blur-free noise."""
    n = len(pixels)
    gain = torch.empty(n, 1, 1, 1).uniform_(0.7, 1.3, generator=rng)
    tint = torch.empty(n, 3, 1, 1).uniform_(0.9, 1.1, generator=rng)
    offset = torch.empty(n, 1, 1, 1).uniform_(-0.1, 0.1, generator=rng)
    middle = pixels.mean((1, 2, 3), keepdim=True)
    return (((pixels - middle) * gain + middle) * tint + offset).clamp_(0, 1)


def batch_make(
    records: NDArray[np.void], *, size: int, rng: torch.Generator, flip: bool
) -> CropBatch:
    """One batch at ``size`` pixels; with ``flip`` pictures and maps are mirrored together."""
    raw = torch.from_numpy(np.ascontiguousarray(records["image"])).permute(0, 3, 1, 2)
    if size != raw.shape[-1]:
        raw = functional.interpolate(raw, size=(size, size), mode="bilinear", antialias=True)
    pixels = varied(raw.float() / 255, rng)
    maps = {
        name: torch.from_numpy(np.ascontiguousarray(records[name]))
        for name in CROP.names or ()
        if name.startswith("h") or name == "pool"
    }
    if flip:
        pixels = pixels.flip(3)
        maps = {k: v.flip(2) if v.ndim == MAP_AXES else v for k, v in maps.items()}
    photo = torch.from_numpy(np.ascontiguousarray(records["photo"])).long()
    return CropBatch(pixels.contiguous(memory_format=torch.channels_last), maps, photo)
