"""Pictures of any size as one batch for an image tower; version 1. Pure numpy and torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

VERSION = 1


def squashed(images: Sequence[npt.NDArray[np.uint8]], *, size: int) -> Tensor:
    """Float RGB 0..1 (n, 3, size, size): each picture resized to a square, its aspect given up.

    Bilinear with antialiasing. The whole picture stays in view, as in the training photos, which
    were squashed to squares by whoever published them.
    """
    rows = []
    for image in images:
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
        if pixels.shape[-2:] != (size, size):
            pixels = functional.interpolate(
                pixels, size=(size, size), mode="bilinear", antialias=True, align_corners=False
            )
        rows.append(pixels)
    return (torch.cat(rows) / 255).clamp_(0, 1)
