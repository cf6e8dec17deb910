"""A small picture of the first lines of a text."""

from __future__ import annotations

import textwrap
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from workers.sandbox.child import Result
from workers.sandbox.decoders.webp import encode

VERSION: Final = "1"

_WIDTH, _HEIGHT = 240, 320
_MARGIN: Final = 16
_SIZE: Final = 11
_HEADING_SIZE: Final = 14
_COLUMNS: Final = 36
_HEADING_COLUMNS: Final = 27
_LINE: Final = 15
_QUALITY: Final = 80
_INK, _PAPER, _EDGE = (52, 56, 64), (255, 255, 255), (214, 217, 222)

# Pillow's own typeface, which is part of its code; read here, in the zygote.
_FONT: Final = ImageFont.load_default(_SIZE)
_HEADING_FONT: Final = ImageFont.load_default(_HEADING_SIZE)


def draw(text: str) -> Result:
    """A page with the first lines of `text` on it, as WebP."""
    page = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, _WIDTH - 1, _HEIGHT - 1), outline=_EDGE)
    at = _MARGIN
    for line in text.splitlines():
        heading = line.startswith("#")
        words = line.lstrip("#").strip() if heading else line
        columns = _HEADING_COLUMNS if heading else _COLUMNS
        for part in textwrap.wrap(words, columns) or [""]:
            if at + _LINE > _HEIGHT - _MARGIN:
                break
            font = _HEADING_FONT if heading else _FONT
            pen.text((_MARGIN, at), part, fill=_INK, font=font)
            at += _LINE + (4 if heading else 0)
    return Result({}, [encode(page, quality=_QUALITY)])


def warm_up() -> None:
    """Draws once."""
    draw("# Heading\ntext")
