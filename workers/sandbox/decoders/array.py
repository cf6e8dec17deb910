"""Arrays of numbers (.npy): checked, rewritten without anything else, and drawn.

An array may come in any plain number type; it leaves as float32. What NumPy would unpickle is
refused by its type before an element is read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from workers.sandbox import npy
from workers.sandbox.child import Result
from workers.sandbox.decoders.webp import encode
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

# numpy gives its format's functions no types.
_MAGIC: Final[Any] = numpy_format.read_magic
_READERS: Final[dict[tuple[int, int], Any]] = {
    (1, 0): numpy_format.read_array_header_1_0,
    (2, 0): numpy_format.read_array_header_2_0,
}
_NUMBERS: Final = "iuf"  # numpy's letters for whole and floating point numbers
_MEGABYTE: Final = 1_000_000
_SIDE: Final = 320
_LINES: Final = (320, 96)
_MOST_LINES: Final = 32
_LONG: Final = 4  # rows for each column from which a table is drawn as lines
_QUALITY: Final = 80
_PAPER: Final = (255, 255, 255)
_INKS: Final = ((74, 98, 138), (176, 92, 61), (84, 130, 84), (120, 84, 138), (150, 130, 60))


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """The array as we write arrays, its picture, and its shape."""
    del arguments
    array = _read(file, size)
    facts = {
        "shape": list(array.shape),
        "metadata": [],
        "steps": [["decode", "array"], ["normalise", "array"]],
    }
    return Result(facts, [npy.written(array), encode(picture(array), quality=_QUALITY)])


def rendition(file: BinaryIO, size: int) -> NDArray[np.float32]:
    """The array of one of our own renditions."""
    return _read(file, size)


def _read(file: BinaryIO, size: int) -> NDArray[np.float32]:
    try:
        shape, fortran, dtype = _READERS[_MAGIC(file)](file)
    except (KeyError, ValueError, OverflowError):
        raise Refusal("damaged") from None
    if dtype.hasobject or dtype.names or dtype.shape or dtype.kind not in _NUMBERS:
        raise Refusal("array-type")
    if not npy.permitted(shape):
        raise Refusal("array-shape", limit=npy.MAX_ELEMENTS // _MEGABYTE)
    count = int(np.prod(shape, dtype=np.int64))
    expected = file.tell() + count * dtype.itemsize
    if size < expected:
        raise Refusal("truncated")
    if size > expected:  # something else could hide there
        raise Refusal("damaged")
    flat = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    with np.errstate(over="ignore"):
        array = flat.reshape(shape, order="F" if fortran else "C").astype(np.float32)
    if not np.isfinite(array).all():
        raise Refusal("array-numbers")
    return np.ascontiguousarray(array)


def picture(array: NDArray[np.float32]) -> Image.Image:
    """A small picture: lines over time for few columns, otherwise light and dark."""
    rows, columns = array.shape[0], array.shape[1] if array.ndim > 1 else 1
    if array.ndim < npy.MAX_AXES and columns <= _MOST_LINES and rows >= _LONG * columns:
        return _lines(array.reshape(rows, columns))
    plane = array if array.ndim == npy.MAX_AXES else array.reshape(rows, columns, 1)
    colours = plane if plane.shape[2] == 3 else plane[:, :, :1]  # noqa: PLR2004 red, green, blue
    low, high = float(colours.min()), float(colours.max())
    span = high - low or 1.0
    # Only what the picture needs is scaled: every so many rows and columns.
    step = max(1, max(rows, columns) // (2 * _SIDE))
    small = (colours[::step, ::step].astype(np.float64) - low) / span * 255
    grey = np.broadcast_to(small.round().astype(np.uint8), (*small.shape[:2], 3))
    image = Image.fromarray(np.ascontiguousarray(grey))
    image.thumbnail((_SIDE, _SIDE))
    return image


def _lines(table: NDArray[np.float32]) -> Image.Image:
    width, height = _LINES
    image = Image.new("RGB", _LINES, _PAPER)
    pen = ImageDraw.Draw(image)
    low, high = float(table.min()), float(table.max())
    at = np.linspace(0, len(table) - 1, min(width, len(table))).astype(int)
    for index in range(table.shape[1]):
        share = (table[at, index].astype(np.float64) - low) / (high - low or 1.0)
        ys = (height - 5) - share * (height - 10)
        xs = np.linspace(0, width - 1, len(at))
        points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        pen.line(points if len(points) > 1 else points * 2, fill=_INKS[index % len(_INKS)])
    return image


def warm_up() -> None:
    """Reads and draws once: NumPy parses headers with a module that it loads late."""
    buffer = io.BytesIO(npy.written(np.zeros((8, 1), np.float32)))
    decode(buffer, len(buffer.getvalue()), {})
