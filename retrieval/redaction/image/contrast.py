"""Views of a picture in which faint writing shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RANGE: Final = 96.0
_LEAST_RANGE: Final = 6.0
# Writing is some ten pixels high; what is around it is looked at four times as far.
_REACH: Final = 12.0
# Steps of brightness that are noise of a camera or of compression.
_NOISE: Final = 3.0
_RAISED: Final = 48.0


def spread(pixels: NDArray[np.uint8], *, always: bool = False) -> NDArray[np.uint8]:
    """The picture with its brightness spread over the whole range, where it takes little of it.

    ``always``: also where it takes more.
    """
    low, high = np.percentile(pixels, (0.5, 99.5))
    if high - low >= _RANGE and not always:
        return pixels
    scaled = (pixels.astype(np.float32) - low) * (255.0 / max(_LEAST_RANGE, high - low))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def raised(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, every part as rich in contrast as every other: faint words beside bold ones show."""
    grey: NDArray[Any] = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), _REACH)
    spreading = cv2.GaussianBlur((grey - mean) ** 2, (0, 0), _REACH)
    even = 128 + (grey - mean) / (np.sqrt(np.maximum(spreading, 0)) + _NOISE) * _RAISED
    return _three(np.clip(even, 0, 255).astype(np.uint8))


def evened_inverse(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, light and dark exchanged, contrast evened out by histograms (CLAHE)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8)).apply(grey)
    return _three(np.asarray(255 - even, np.uint8))


def _three(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
