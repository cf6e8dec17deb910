"""Where text stands in a picture: PP-OCR's detector and its reading as rotated rectangles.

Differentiable binarisation (Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization", AAAI 2020): the network paints a map of how surely each pixel lies in the shrunken
core of a text line; connected pieces become rectangles, grown back by the area-to-length ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from retrieval.redaction.image.models import run_alone
from retrieval.redaction.image.tiles import MULTIPLE, tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# PP-OCR's own figures are .3, .5 and 1.6. Lower ones find faint and small text too; what is no text
# shows when it cannot be read.
_MAP_THRESHOLD: Final = 0.2
_GROWTH: Final = 1.7
_MIN_SIDE: Final = 3.0
_MAX_PIECES: Final = 2_000
_BORDER: Final = 16


@dataclass(frozen=True, slots=True)
class Regions:
    """``quads``: float32 (n, 4, 2) corners, long side first; ``scores``: float32 (n,) in 0..1."""

    quads: NDArray[np.float32]
    scores: NDArray[np.float32]


def regions(
    pixels: NDArray[np.uint8], *, side: int, min_score: float, map_threshold: float = _MAP_THRESHOLD
) -> Regions:
    """Text lines in ``pixels`` (h, w, 3), looked for with its longest side scaled to ``side``.

    Corners are pixels of ``pixels`` as given and may lie slightly outside of it.
    """
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(pixels, size, interpolation=method) if scale != 1 else pixels
    # Text that touches the edge is found when there is something beyond it.
    right = _BORDER + -(scaled.shape[1] + 2 * _BORDER) % MULTIPLE
    below = _BORDER + -(scaled.shape[0] + 2 * _BORDER) % MULTIPLE
    padded = cv2.copyMakeBorder(scaled, _BORDER, below, _BORDER, right, cv2.BORDER_REPLICATE)
    chart = _chart(np.asarray(padded, np.uint8))
    quads, scores = _pieces(chart, min_score, map_threshold)
    if not scores:
        return Regions(np.empty((0, 4, 2), np.float32), np.empty(0, np.float32))
    factor = np.array([width / size[0], height / size[1]], np.float32)
    placed = (np.stack(quads) - _BORDER) * factor
    return Regions(placed.astype(np.float32), np.array(scores, np.float32))


def _chart(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The network's map (h, w) in 0..1 for RGB pixels whose sides are multiples of 32.

    Put together from pieces, so that a line that runs over their edges stays whole.
    """
    chart = np.empty(pixels.shape[:2], np.float32)
    for row in tiles(pixels.shape[0]):
        for column in tiles(pixels.shape[1]):
            piece = _piece(pixels[row.start : row.end, column.start : column.end])
            chart[row.first : row.last, column.first : column.last] = piece[
                row.first - row.start : row.last - row.start,
                column.first - column.start : column.last - column.start,
            ]
    return chart


def _piece(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    # The network was trained on BGR scaled to -1..1.
    data = pixels[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    data /= 127.5
    data -= 1.0
    chart: NDArray[np.float32] = run_alone("text-detector", data)[0][0, 0]
    return chart


def _pieces(
    chart: NDArray[np.float32], min_score: float, threshold: float
) -> tuple[list[NDArray[np.float32]], list[float]]:
    mask = (chart > threshold).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads: list[NDArray[np.float32]] = []
    scores: list[float] = []
    for contour in sorted(contours, key=len, reverse=True)[:_MAX_PIECES]:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _MIN_SIDE:
            continue
        score = _score(chart, contour)
        if score < min_score:
            continue
        # The growth that undoes the shrinking: twice area times ratio over circumference.
        grown = 2 * _GROWTH * width * height / (2 * (width + height))
        quads.append(_corners(centre, (width + grown, height + grown), angle))
        scores.append(score)
    return quads, scores


def upright_quad(contour: NDArray[Any]) -> NDArray[np.float32]:
    """The smallest rectangle around a contour, its corners in the order that quads have."""
    centre, size, angle = cv2.minAreaRect(contour)
    return _corners(centre, size, angle)


def _score(chart: NDArray[np.float32], contour: NDArray[Any]) -> float:
    """The map's mean within a piece's outline."""
    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([x, y])], [1.0])
    return float(cv2.mean(chart[y : y + height, x : x + width], mask)[0])


def _corners(centre: Sequence[float], size: Sequence[float], angle: float) -> NDArray[np.float32]:
    """Corners clockwise, the first side the longer one, running rightwards or downwards."""
    points = cv2.boxPoints((centre, size, angle))
    along = points[1] - points[0]
    across = points[2] - points[1]
    if np.hypot(*along) < np.hypot(*across):
        points = np.roll(points, -1, axis=0)
        along = points[1] - points[0]
    # Of the two directions of the long side the one that reads left to right, or, where it stands
    # upright, from the top down.
    steep = abs(along[1]) > abs(along[0])
    if (along[1] if steep else along[0]) < 0:
        points = np.roll(points, -2, axis=0)
    return np.asarray(points, np.float32)
