"""From findings to the polygons that are filled: padded, and within the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from retrieval.redaction.image import geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.redaction.base import Box, Finding
    from retrieval.redaction.image.faces import Face
    from retrieval.redaction.image.ocr import Line
    from retrieval.redaction.image.script import Mark

_FACE_PADDING: Final = 0.2
_CODE_PADDING: Final = 0.08
_CODE_PIXELS: Final = 6.0
_LINE_PADDING: Final = 0.1
_LINE_PIXELS: Final = 2.0
_LETTERS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Area:
    """A finding with the polygon, float32 (n, 2), that is filled for it."""

    finding: Finding
    polygon: NDArray[np.float32]


def of_mark(line: Line, mark: Mark) -> NDArray[np.float32]:
    """The stretch of a line on which characters stand, somewhat wider and higher than they are."""
    reading = line.reading
    if mark.start <= 0 and mark.end >= len(reading.text):
        start, end = 0.0, 1.0
    else:
        letter = 1.0 / max(1, len(reading.text))
        start = max(0.0, reading.starts[mark.start] - _LETTERS * letter)
        end = min(1.0, reading.ends[mark.end - 1] + _LETTERS * letter)
    height = geometry.size(line.quad)[1]
    return grown(geometry.part(line.quad, start, end), _LINE_PADDING * height + _LINE_PIXELS)


def of_face(face: Face) -> NDArray[np.float32]:
    """A box around a face with ears, chin and hair."""
    left, top, right, bottom = face.box
    across, down = (right - left) * _FACE_PADDING, (bottom - top) * _FACE_PADDING
    left, top, right, bottom = left - across, top - down, right + across, bottom + down
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def of_code(quad: NDArray[np.float32]) -> NDArray[np.float32]:
    """A code with a rim: the first bars of the next line would still be read."""
    return grown(quad, _CODE_PADDING * max(geometry.size(quad)) + _CODE_PIXELS)


def grown(quad: NDArray[np.float32], pixels: float) -> NDArray[np.float32]:
    """A rectangle with every side moved outwards."""
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    along = along / max(1e-6, float(np.hypot(*along))) * pixels
    down = down / max(1e-6, float(np.hypot(*down))) * pixels
    moved = [-along - down, along - down, along + down, -along + down]
    return np.asarray(quad + np.stack(moved), np.float32)


def box(polygon: NDArray[np.float32], width: int, height: int) -> Box:
    """The upright box around a polygon, within the picture and at least one pixel large."""
    left, top = np.floor(polygon.min(axis=0))
    right, bottom = np.ceil(polygon.max(axis=0))
    x = int(np.clip(left, 0, width - 1))
    y = int(np.clip(top, 0, height - 1))
    return (
        x,
        y,
        int(max(1, np.clip(right, 1, width) - x)),
        int(max(1, np.clip(bottom, 1, height) - y)),
    )
