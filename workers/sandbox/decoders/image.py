"""Pictures: upright, sRGB, at most 2048 px, as WebP without any metadata."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import pillow_heif
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from workers.sandbox.child import Result
from workers.sandbox.decoders import colour, exif
from workers.sandbox.decoders.webp import encode
from workers.sandbox.iso_media import check_boxes
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

RENDITION_SIDE: Final = 2048
THUMBNAIL_SIDE: Final = 320
_RENDITION_QUALITY: Final = 88
_THUMBNAIL_QUALITY: Final = 75

_FORMATS: Final = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "tiff": "TIFF",
    "heic": "HEIF",
    "avif": "AVIF",
}
_SIDEWAYS: Final = range(5, 9)
"""EXIF orientations that exchange width and height."""
_ISO_MEDIA: Final = ("heic", "avif")
_MEGAPIXEL: Final = 1_000_000
_TRUNCATED: Final = ("truncated", "end of file", "end of stream", "unexpected end", "incomplete")

# Our own limit, told in our own words, is checked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False
pillow_heif.register_heif_opener()


def check_pixels(image: Image.Image, limit: int) -> None:
    """Raises `Refusal` (too-many-pixels) where the header promises more than `limit` pixels."""
    pixels = image.width * image.height
    if pixels > limit:
        found = -(-pixels // _MEGAPIXEL)
        raise Refusal("too-many-pixels", found=found, limit=limit // _MEGAPIXEL)


def _open(file: BinaryIO, kind: str) -> Image.Image:
    """The picture, its header read. The format is what was sniffed: no other plug-in may try."""
    try:
        return Image.open(file, formats=[_FORMATS[kind]])
    except UnidentifiedImageError:
        raise Refusal("damaged") from None


def _load(image: Image.Image) -> None:
    """Decodes the pixels of the first frame.

    Raises:
        Refusal: truncated or damaged.
    """
    try:
        image.load()
    except MemoryError:
        raise
    except (OSError, ValueError, EOFError, SyntaxError, RuntimeError, IndexError) as error:
        message = str(error).lower()
        code = "truncated" if any(word in message for word in _TRUNCATED) else "damaged"
        raise Refusal(code) from None
    except (struct.error, zlib.error):
        raise Refusal("damaged") from None


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """`image` with its longest side at most `side`, never enlarged."""
    if max(image.size) <= side:
        return image
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image


def upright_rgb(
    file: BinaryIO, kind: str, *, side: int, max_pixels: int
) -> tuple[Image.Image, exif.Found]:
    """The picture in RGB, upright, sRGB, at most `side` px, and what metadata was in the file."""
    image = _open(file, kind)
    check_pixels(image, max_pixels)
    found = exif.inventory(image)
    found.size = image.size
    icc = image.info.get("icc_profile")
    # JPEG can be decoded at 1/2, 1/4 or 1/8: much less memory for large ones.
    image.draft(None, (side, side))
    _load(image)
    # PNG may keep metadata behind the pixels; TIFF has applied its orientation by now.
    found.kinds |= exif.inventory(image, frames=False).kinds
    orientation = image.getexif().get(exif.ORIENTATION, 1)
    image = _shrink(colour.eight_bit(image), side)
    image = colour.on_white(colour.to_srgb(image, icc))
    if orientation != 1:
        image = _turn(image, orientation)
    if orientation in _SIDEWAYS:
        found.size = (found.size[1], found.size[0])
    return image, found


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    """`image` with the EXIF orientation applied."""
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    tag = Image.Exif()
    tag[exif.ORIENTATION] = orientation
    clean.info["exif"] = tag.tobytes()
    return ImageOps.exif_transpose(clean)


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Rendition and thumbnail of a picture; of the first frame where there are several."""
    kind = arguments["kind"]
    if kind in _ISO_MEDIA:
        check_boxes(lambda at, count: _read_at(file, at, count), size)
        file.seek(0)
    image, found = upright_rgb(file, kind, side=RENDITION_SIDE, max_pixels=arguments["max_pixels"])
    facts = {
        "width": image.width,
        "height": image.height,
        "original_width": found.size[0],
        "original_height": found.size[1],
        "metadata": sorted(found.kinds),
        "sheets": list(range(1, found.frames + 1)) if kind == "tiff" and found.frames > 1 else [],
        "captured_at": found.captured_at,
        "steps": [
            [f"decode {kind}", "image"],
            ["orient, convert to srgb, scale", "image"],
            ["strip metadata", "image"],
        ],
    }
    return Result(facts, encode_pair(image))


def encode_pair(image: Image.Image) -> list[bytes]:
    """The rendition and the thumbnail of an RGB picture of at most `RENDITION_SIDE`."""
    rendition = encode(image, quality=_RENDITION_QUALITY)
    thumbnail = encode(_shrink(image.copy(), THUMBNAIL_SIDE), quality=_THUMBNAIL_QUALITY)
    return [rendition, thumbnail]


def _read_at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def warm_up() -> None:
    """Loads every plug-in and codec on pictures of our own."""
    Image.init()
    colour.warm_up()
    picture = Image.new("RGB", (16, 16), "white")
    for kind, name in _FORMATS.items():
        buffer = io.BytesIO()
        try:
            picture.save(buffer, name)
        except (OSError, KeyError):  # An encoder may be missing from a build; decoding matters.
            continue
        buffer.seek(0)
        upright_rgb(buffer, kind, side=8, max_pixels=1000)
    encode(picture, quality=50)
