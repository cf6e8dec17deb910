"""Pictures of writing: scanned pages, pictures in PDF and Word files, pages of a TIFF.

A document's decoder says how many there are, so that the trusted side can decide whether it reads
so many; here some of them become pixels. Both walk a document in the same order.
"""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from workers.sandbox.child import Result
from workers.sandbox.decoders import colour, docx, pdf
from workers.sandbox.decoders.image import check_pixels
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

SIDE: Final = 2048
_FORMATS: Final = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP")
_MAX_FRAMES: Final = 10_000
_MIN_WIDTH: Final = 64
_MIN_HEIGHT: Final = 16
"""Smaller pictures are bullets, lines and icons."""


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Pictures `first` to `first + count` of a document, uint8 (h, w, 3) RGB, and their pages."""
    walk = _WALKS[arguments["kind"]](file, size, arguments["max_pixels"])
    first = arguments["first"]
    chosen = list(itertools.islice(walk, first, first + arguments["count"]))
    arrays = [np.ascontiguousarray(picture, dtype=np.uint8) for _, picture in chosen]
    described = [[array.dtype.name, list(array.shape)] for array in arrays]
    facts = {"arrays": described, "pages": [page for page, _ in chosen]}
    return Result(facts, [array.data for array in arrays])


def _from_pdf(file: BinaryIO, size: int, max_pixels: int) -> Iterator[tuple[int, Any]]:
    del max_pixels  # pages are drawn at a size of our choice
    document = pdf.open_document(pdf.mapped(file, size))
    for page, picture in pdf.pictures(document, side=SIDE):
        yield page, np.asarray(picture)


def _from_docx(file: BinaryIO, size: int, max_pixels: int) -> Iterator[tuple[int, Any]]:
    del size
    with zipfile.ZipFile(file) as archive:
        for name in docx.docx_pictures(archive):
            with archive.open(name) as member:
                picture = _opened(member, max_pixels)
            yield 0, np.zeros((1, 1, 3), np.uint8) if picture is None else np.asarray(picture)


def _opened(file: Any, max_pixels: int) -> Image.Image | None:
    """A picture in RGB, at most `SIDE`; None for kinds that are not read and for small ones."""
    try:
        image = Image.open(file, formats=_FORMATS)
        if image.width < _MIN_WIDTH or image.height < _MIN_HEIGHT:
            return None
        check_pixels(image, max_pixels)
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        # A drawing, or damaged: it is not shown either.
        return None
    return _small_rgb(image)


def _small_rgb(image: Image.Image) -> Image.Image:
    image = colour.on_white(colour.eight_bit(image))
    if max(image.size) > SIDE:
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return image.convert("RGB")


def _from_tiff(file: BinaryIO, size: int, max_pixels: int) -> Iterator[tuple[int, Any]]:
    del size
    image = Image.open(file, formats=["TIFF"])
    for number in range(min(getattr(image, "n_frames", 1), _MAX_FRAMES)):
        try:
            image.seek(number)
            check_pixels(image, max_pixels)
            image.load()
        except (OSError, ValueError, EOFError, SyntaxError):
            raise Refusal("damaged") from None
        yield number + 1, np.asarray(_small_rgb(image.copy()))


_WALKS: Final = {"pdf": _from_pdf, "docx": _from_docx, "tiff": _from_tiff}
