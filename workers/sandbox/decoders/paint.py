"""Filling parts of one of our own pictures, so that nothing of what stood there is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from PIL import Image, ImageDraw

from workers.sandbox.child import Result
from workers.sandbox.decoders.image import encode_pair, upright_rgb

VERSION: Final = "1"

_MAX_PIXELS: Final = 64_000_000
"""A rendition has at most 2048 x 2048."""
_SIDE: Final = 2048
_INK: Final = (16, 16, 18)


def paint(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Rendition and thumbnail of a WebP of ours with polygons filled, no pixel of them kept."""
    del size
    image, _ = upright_rgb(file, "webp", side=_SIDE, max_pixels=_MAX_PIXELS)
    fill(image, arguments["polygons"])
    return Result({"width": image.width, "height": image.height}, encode_pair(image))


def fill(image: Image.Image, polygons: list[list[list[int]]]) -> None:
    """Paints ``polygons`` ((x, y) corners, which may lie outside) onto ``image``."""
    pen = ImageDraw.Draw(image)
    for polygon in polygons:
        pen.polygon([(x, y) for x, y in polygon], fill=_INK, outline=_INK)
