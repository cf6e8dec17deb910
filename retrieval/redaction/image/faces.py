"""Faces, by CenterFace: a map of face centres with each face's size, read at every fourth pixel.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from retrieval.redaction.image.models import run_alone
from retrieval.redaction.image.tiles import MULTIPLE, Tile, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIDE: Final = 4
_SAME: Final = 0.3
# Small faces show when the picture is enlarged, very large ones when it is reduced.
_SIDES: Final = (320, 768)
_LARGE_SIDE: Final = 1_280
_LARGE_FROM: Final = 1_000
_AGAIN_SIDES: Final = (608,)
_AGAIN_LARGE_SIDE: Final = 1_024
_ENLARGED: Final = 2.0


@dataclass(frozen=True, slots=True)
class Face:
    """``box``: left, top, right, bottom in pixels of the picture; ``score`` 0..1."""

    box: tuple[float, float, float, float]
    score: float


def faces(pixels: NDArray[np.uint8], *, min_score: float, again: bool = False) -> list[Face]:
    """Faces in RGB ``pixels`` (h, w, 3), looked for at several sizes.

    ``again`` looks at the mirrored picture and at another size.
    """
    longest = max(pixels.shape[:2])
    large = longest > _LARGE_FROM
    wanted = _AGAIN_SIDES if again else _SIDES
    if large:
        wanted = (*wanted, _AGAIN_LARGE_SIDE if again else _LARGE_SIDE)
    sides = sorted({min(side, round(longest * _ENLARGED)) for side in wanted})
    found: list[Face] = []
    for side in sides:
        found += _at(pixels, side, min_score, mirrored=again)
    return _distinct(found)


def _at(pixels: NDArray[np.uint8], side: int, min_score: float, *, mirrored: bool) -> list[Face]:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(pixels, size, interpolation=method)
    if mirrored:
        scaled = cv2.flip(scaled, 1)
    padded = cv2.copyMakeBorder(
        scaled, 0, -size[1] % MULTIPLE, 0, -size[0] % MULTIPLE, cv2.BORDER_CONSTANT
    )
    factor = (width / size[0], height / size[1])
    return [
        _placed(box, score, size, factor, mirrored=mirrored)
        for row in tiles(padded.shape[0])
        for column in tiles(padded.shape[1])
        for box, score in _in_tile(np.asarray(padded, np.uint8), row, column, min_score)
    ]


def _in_tile(
    pixels: NDArray[np.uint8], row: Tile, column: Tile, min_score: float
) -> list[tuple[tuple[float, float, float, float], float]]:
    """Boxes of the faces whose middles lie in what is kept of a tile."""
    piece = pixels[row.start : row.end, column.start : column.end]
    outputs = run_alone("faces", piece.transpose(2, 0, 1)[None].astype(np.float32))
    found = []
    for (left, top, right, bottom), score in _decoded(outputs, min_score):
        across, down = column.start, row.start
        box = (left + across, top + down, right + across, bottom + down)
        middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if column.first <= middle_x <= column.last and row.first <= middle_y <= row.last:
            found.append((box, score))
    return found


def _decoded(
    outputs: list[Any], min_score: float
) -> list[tuple[tuple[float, float, float, float], float]]:
    """Boxes from the maps: centres, logarithms of height and width, offsets within a cell."""
    centres, extents, offsets = (output[0] for output in outputs[:3])
    found = []
    for row, column in zip(*np.nonzero(centres[0] >= min_score), strict=True):
        high, wide = np.exp(extents[:, row, column]) * _STRIDE
        middle_y = (row + offsets[0, row, column] + 0.5) * _STRIDE
        middle_x = (column + offsets[1, row, column] + 0.5) * _STRIDE
        box = (
            float(middle_x - wide / 2),
            float(middle_y - high / 2),
            float(middle_x + wide / 2),
            float(middle_y + high / 2),
        )
        found.append((box, float(centres[0, row, column])))
    return found


def _placed(
    box: tuple[float, float, float, float],
    score: float,
    size: tuple[int, int],
    factor: tuple[float, float],
    *,
    mirrored: bool,
) -> Face:
    left, top, right, bottom = box
    if mirrored:
        left, right = size[0] - right, size[0] - left
    across, down = factor
    return Face((left * across, top * down, right * across, bottom * down), score)


def _distinct(found: list[Face]) -> list[Face]:
    """The surest of every group of boxes that overlap by more than three tenths of their union."""
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(_likeness(face.box, other.box) < _SAME for other in kept):
            kept.append(face)
    return kept


def _likeness(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return shared / union
