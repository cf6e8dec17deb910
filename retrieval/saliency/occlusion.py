"""Similarity maps by taking parts out and looking how much less alike item and query are.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
It needs nothing of an encoder but ``encode``, so it works in any runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrieval.saliency.base import Cells, Encode, Numbers, SaliencyMap, similarities

BATCH: Final = 16
"""Variants that lie in memory together."""


def windows_of(shape: tuple[int, ...]) -> list[npt.NDArray[np.bool_]]:
    """What is taken out, one variant each: bool of ``shape``.

    Of words one at a time. Of a grid windows of two by two cells at every place, also half over the
    edges: each cell is in four of them, so that a thing on the border of two cells is not missed.
    """
    if len(shape) == 1:
        return [*np.eye(shape[0], dtype=np.bool_)]
    rows, columns = shape
    found = []
    for row in range(-1, rows):
        for column in range(-1, columns):
            window = np.zeros(shape, np.bool_)
            window[max(row, 0) : row + 2, max(column, 0) : column + 2] = True
            found.append(window)
    return found


def variants_of(cells: Cells, windows: Sequence[npt.NDArray[np.bool_]]) -> Iterator[list[Any]]:
    """The whole item, then it without each of ``windows``, in batches; made only when asked for."""
    whole = np.zeros(cells.shape, np.bool_)
    every = [whole, *windows]
    for first in range(0, len(every), BATCH):
        yield [cells.without(one) for one in every[first : first + BATCH]]


def map_of(
    shape: tuple[int, ...], windows: Sequence[npt.NDArray[np.bool_]], found: Numbers
) -> SaliencyMap:
    """From similarities (1 + windows,), the whole item's first, to the map.

    A cell's value is the mean loss over the windows that it is in.
    """
    loss = float(found[0]) - np.asarray(found[1:], np.float64)
    masks = np.stack(windows).reshape(len(windows), -1).astype(np.float64)
    values = (loss @ masks) / masks.sum(axis=0)
    return SaliencyMap(
        values=values.reshape(shape).astype(np.float32),
        method="occlusion",
        similarity=float(found[0]),
    )


def occlusion(cells: Cells, *, query: Numbers, encode: Encode) -> SaliencyMap:
    """The map of an item for a unit ``query`` (d,), in one process."""
    windows = windows_of(cells.shape)
    found = [similarities(encode(batch), query) for batch in variants_of(cells, windows)]
    return map_of(cells.shape, windows, np.concatenate(found))
