"""A picture as a grid of patches."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.saliency.base import SaliencyImpossible

GRID: Final = 8
"""Patches a side. The starter's tower sees 160 pixels, so a patch of 20; CLIP's see 224."""


class PictureCells:
    """``GRID`` x ``GRID`` patches of uint8 (h, w, 3) RGB; fewer where it has fewer pixels.

    What is taken out becomes the picture's mean colour, which no tower takes for a thing.
    """

    def __init__(
        self,
        pixels: npt.NDArray[np.uint8],
        *,
        grid: int = GRID,
        fill: tuple[int, int, int] | None = None,
    ) -> None:
        """``pixels`` as encoders take them; ``fill`` is another colour than the mean."""
        if pixels.ndim != 3 or not pixels.size:  # noqa: PLR2004 rows, columns, channels
            raise SaliencyImpossible("a picture is (h, w, 3)")
        self.pixels = pixels
        self.shape = (min(grid, pixels.shape[0]), min(grid, pixels.shape[1]))
        mean = pixels.reshape(-1, pixels.shape[2]).mean(axis=0)
        self._fill = np.asarray(mean if fill is None else fill).astype(np.uint8)
        self._row = _cells(pixels.shape[0], self.shape[0])
        self._column = _cells(pixels.shape[1], self.shape[1])

    def without(self, cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """See ``Cells``."""
        out = self.pixels.copy()
        out[cells[self._row][:, self._column]] = self._fill
        return out


def _cells(length: int, count: int) -> npt.NDArray[np.int64]:
    """For each of ``length`` places its cell, 0 to ``count`` - 1."""
    found: npt.NDArray[np.int64] = np.arange(length) * count // length
    return found
