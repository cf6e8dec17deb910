"""QR and bar codes, by zxing-cpp: where they are and what they say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from retrieval.redaction.image import geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL_SIDE: Final = 1_000
_ENLARGED: Final = 2
# Bars up to some 15 degrees askew are read; with these two turns every direction is near one.
_TURNS: Final = (30.0, 60.0)
_TURNED_SIDE: Final = 1_200
_CORNERS: Final = ("top_left", "top_right", "bottom_right", "bottom_left")
_MATRIX: Final = ("qr", "matrix", "aztec", "maxi")
_SHORTEST: Final = 16.0
_LONGER: Final = 1.6
_LIKE: Final = 0.4
_GAP: Final = 4.0


@dataclass(frozen=True, slots=True)
class Code:
    """``quad``: float32 (4, 2) corners in pixels of the picture.

    ``text`` is empty where the code was found but could not be decoded; ``linear`` is one of
    parallel bars.
    """

    quad: NDArray[np.float32]
    text: str
    linear: bool


def codes(pixels: NDArray[np.uint8], *, again: bool = False) -> list[Code]:
    """Codes in RGB ``pixels`` (h, w, 3), in any direction, light on dark too, small ones enlarged.

    ``again`` looks at another scale and at an evened-out picture.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    longest = max(grey.shape)
    if again:
        grey = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(grey)
        found = _at(grey, 1.5 if longest <= _SMALL_SIDE else 0.75) + _at(255 - grey, 1.0)
        return [_whole(code, grey) for code in _distinct(found)]
    found = _at(grey, 1.0) + _at(255 - grey, 1.0)
    if longest <= _SMALL_SIDE:
        found += _at(grey, _ENLARGED)
    for degrees in _TURNS:
        found += _turned(grey, min(1.0, _TURNED_SIDE / longest), degrees)
        found += _turned(255 - grey, min(1.0, _TURNED_SIDE / longest), degrees)
    return [_whole(code, grey) for code in _distinct(found)]


def _turned(grey: NDArray[Any], scale: float, degrees: float) -> list[Code]:
    """What is found once the picture has been turned: bars are read along rows and columns only."""
    view, back = geometry.turned_view(grey, degrees, scale)
    return [replace(code, quad=geometry.moved(code.quad, back)) for code in _at(view, 1.0)]


def _distinct(found: list[Code]) -> list[Code]:
    """Each code once: those whose middle lies within an earlier one are the same."""
    kept: list[Code] = []
    for code in found:
        middle = tuple(float(value) for value in code.quad.mean(axis=0))
        if all(cv2.pointPolygonTest(other.quad, middle, measureDist=False) < 0 for other in kept):
            kept.append(code)
    return kept


def _at(grey: NDArray[Any], scale: float) -> list[Code]:
    import zxingcpp

    scaled = grey
    if scale != 1:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        scaled = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method)
    results = zxingcpp.read_barcodes(
        np.ascontiguousarray(scaled),
        try_rotate=True,
        try_downscale=True,
        try_invert=True,
        return_errors=True,
    )
    return [code for result in results if (code := _code(result, scale)) is not None]


def _code(result: Any, scale: float) -> Code | None:
    corners = [getattr(result.position, name) for name in _CORNERS]
    quad = np.array([[corner.x, corner.y] for corner in corners], np.float32) / scale
    name = str(result.format).lower()
    linear = not any(word in name for word in _MATRIX)
    if not result.valid and not (name.startswith("qr") and _is_square(quad)):
        # Bars and dots that decode to nothing are any texture; three corners of a QR code are not.
        return None
    return Code(quad, result.text if result.valid else "", linear)


def _is_square(quad: NDArray[np.float32]) -> bool:
    """Whether four corners could be a square seen somewhat from the side."""
    sides = [float(np.hypot(*(quad[(at + 1) % 4] - quad[at]))) for at in range(4)]
    if min(sides) < _SHORTEST or max(sides) > _LONGER * min(sides):
        return False
    return bool(cv2.isContourConvex(quad.reshape(-1, 1, 2)))


def _whole(code: Code, grey: NDArray[Any]) -> Code:
    """A linear code with its full height: it is found along one line, and any line gives it away.

    Lines beside the found one belong to it for as long as they look like it.
    """
    if not code.linear:
        return code
    left, right = code.quad[[0, 3]].mean(axis=0), code.quad[[1, 2]].mean(axis=0)
    length = float(np.hypot(*(right - left)))
    if length < _SHORTEST:
        return code
    # Rows of pixels are scanned, so the sides of the quad run along the bars, askew or not.
    bars = (code.quad[3] - code.quad[0] + code.quad[2] - code.quad[1]) / 2
    half = float(np.hypot(*bars)) / 2
    if half < 1:
        bars = np.array([left[1] - right[1], right[0] - left[0]], np.float32)
    bars = bars / max(1e-6, float(np.hypot(*bars)))
    model = _profile(grey, left, right)
    above, below = (max(half, _reach(grey, model, left, right, bars * way)) for way in (-1.0, 1.0))
    quad = [left - bars * above, right - bars * above, right + bars * below, left + bars * below]
    return replace(code, quad=np.stack(quad).astype(np.float32))


def _reach(
    grey: NDArray[Any],
    model: NDArray[np.float64],
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    bars: NDArray[np.float32],
) -> float:
    """How many pixels along the bars the pattern between two points goes on."""
    longest = float(np.hypot(*(right - left)))
    last = 0.0
    for step in np.arange(1.0, longest, 1.0):
        likeness = float((model * _profile(grey, left + bars * step, right + bars * step)).mean())
        if likeness >= _LIKE:
            last = float(step)
        elif step - last > _GAP:
            break
    return last


def _profile(
    grey: NDArray[Any], left: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Brightness along a line, 256 values with mean 0 and deviation 1."""
    places = np.linspace(left, right, 256).astype(np.float32)
    values = cv2.remap(
        grey,
        places[None, :, 0],
        places[None, :, 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )[0].astype(np.float64)
    return np.asarray((values - values.mean()) / (values.std() + 1.0), np.float64)
