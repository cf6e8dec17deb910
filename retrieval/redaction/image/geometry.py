"""Quadrilaterals of text lines: cutting them out, turning, comparing and merging them.

A quad is float32 (4, 2): the corners of a rectangle at any angle, clockwise; its first side runs in
the direction in which the line is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_CROP_HEIGHT: Final = 48
_MAX_CROP_WIDTH: Final = 4_096


def size(quad: NDArray[np.float32]) -> tuple[float, float]:
    """Length along the reading direction, and height."""
    return float(np.hypot(*(quad[1] - quad[0]))), float(np.hypot(*(quad[3] - quad[0])))


def angle(quad: NDArray[np.float32]) -> float:
    """Degrees that the reading direction is turned clockwise from rightwards, -180..180."""
    along = quad[1] - quad[0]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def turned(quad: NDArray[np.float32], quarters: int) -> NDArray[np.float32]:
    """The same rectangle read in a direction that lies ``quarters`` right angles further on."""
    return np.roll(quad, -quarters, axis=0)


def cut(pixels: NDArray[np.uint8], quad: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The line upright; small ones enlarged to 48 pixels of height."""
    length, height = (max(2.0, side) for side in size(quad))
    scale = max(1.0, _CROP_HEIGHT / height)
    wide = int(min(_MAX_CROP_WIDTH, max(2, round(length * scale))))
    high = int(max(2, round(height * scale)))
    target = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    return np.asarray(
        cv2.warpPerspective(
            pixels, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def part(quad: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
    """The stretch of a line between two shares of its length (0 its beginning, 1 its end)."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = (
        quad[0] + top * start,
        quad[0] + top * end,
        quad[3] + bottom * end,
        quad[3] + bottom * start,
    )
    return np.asarray(np.stack(corners), np.float32)


def turned_view(
    pixels: NDArray[np.uint8], degrees: float, scale: float = 1.0
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The whole picture turned counter-clockwise, and the matrix (2, 3) that leads back from it."""
    height, width = pixels.shape[:2]
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale))
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, high = round(height * sine + width * cosine), round(height * cosine + width * sine)
    matrix[0, 2] += (wide - width) / 2
    matrix[1, 2] += (high - height) / 2
    view = cv2.warpAffine(pixels, matrix, (wide, high), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8), np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def moved(quad: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """A quad of a view where it lies in the picture."""
    return np.asarray(quad @ matrix[:, :2].T + matrix[:, 2], np.float32)


def bounds(quad: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def area(quad: NDArray[np.float32]) -> float:
    """Square pixels."""
    length, height = size(quad)
    return length * height


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Square pixels that two quads share."""
    left, top, right, bottom = bounds(one)
    left2, top2, right2, bottom2 = bounds(other)
    if right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top:
        return 0.0
    shared, _ = cv2.intersectConvexConvex(one, other)
    return float(shared)


def united(
    groups: Iterable[Sequence[tuple[NDArray[np.float32], float]]], *, covered: float = 0.6
) -> list[tuple[NDArray[np.float32], float]]:
    """Quads with their scores, those left out of which ``covered`` is under earlier ones."""
    kept: list[tuple[NDArray[np.float32], float]] = []
    for group in groups:
        earlier = list(kept)
        for quad, score in group:
            under = sum(overlap(quad, other) for other, _ in earlier)
            if under < covered * max(1.0, area(quad)):
                kept.append((quad, score))
    return kept
