"""What an encoder is: things of one modality in, unit vectors of one space out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
_RGB = (3,)
_SHORTEST = 1e-12  # a vector shorter than this has no direction


@runtime_checkable
class Encoder(Protocol):
    """One tower of a bundle. A modality is an open word: it may be ``depth`` or ``imu``."""

    @property
    def modality(self) -> str:
        """What it embeds: ``text``, ``image``, ``audio`` or another word of the bundle's."""

    @property
    def dimension(self) -> int:
        """Length of its vectors."""

    def encode(self, items: Sequence[Any]) -> Vectors:
        """Embeddings: float32 (n, dimension), rows L2-normalised, row i for item i.

        ``text``: str. ``image``: uint8 (h, w, 3) RGB of any size. ``audio``: float32 (samples,)
        mono in -1..1 at the tower's sample rate, of any length. No items give (0, dimension).

        Raises:
            ValueError: an item has another type, shape or dtype; the message says which, never
            what is in it.
        """


def unit_rows(vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Rows divided by their length: float32; a row of zeros becomes the first axis."""
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.maximum(lengths, _SHORTEST)
    unit[lengths[:, 0] < _SHORTEST] = np.eye(1, rows.shape[1], dtype=np.float32)
    return np.ascontiguousarray(unit)


def image_checked(item: Any) -> npt.NDArray[np.uint8]:
    """The item, if it is an RGB picture.

    Raises:
        ValueError: it is not uint8 (h, w, 3) with h and w at least 1.
    """
    if not isinstance(item, np.ndarray) or item.dtype != np.uint8:
        raise ValueError("an image is a uint8 array")
    if item.shape[2:] != _RGB or 0 in item.shape:
        raise ValueError(f"an image is (h, w, 3), got {item.shape}")
    return item


def wave_checked(item: Any) -> npt.NDArray[np.float32]:
    """The item, if it is a mono wave.

    Raises:
        ValueError: it is not float32 (samples,) with at least one sample, all finite.
    """
    if not isinstance(item, np.ndarray) or item.dtype != np.float32:
        raise ValueError("a sound is a float32 array")
    if item.ndim != 1 or not len(item):
        raise ValueError(f"a sound is (samples,), got {item.shape}")
    if not np.isfinite(item).all():
        raise ValueError("a sound holds finite numbers")
    return item


def text_checked(item: Any) -> str:
    """The item, if it is a string.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(item, str):
        raise ValueError("a text is a string")  # noqa: TRY004 one error for every bad item  # noqa: TRY004  (one error for every bad item)
    return item
