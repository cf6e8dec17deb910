"""NumPy's array format, as we write it: no other form of it leaves the sandbox.

The format is NumPy's own (numpy.lib.format, version 1.0): a magic, the length of a header, the
header, which is a Python literal, and the elements. We write little-endian float32 in C order only,
so the header follows from the shape, and a reader need not parse what it can compare.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC: Final = b"\x93NUMPY"
MEDIA_TYPE: Final = "application/x-npy"
MAX_ELEMENTS: Final = 16_000_000
"""64 MB of float32: a depth map of 4,000 x 4,000, or six channels at 200 Hz for 3.7 hours."""
MAX_AXES: Final = 3
MAX_CHANNELS: Final = 64
ITEM_BYTES: Final = 4


def header(shape: Sequence[int]) -> bytes:
    """What stands before the elements of a float32 array of ``shape``."""
    from numpy.lib import format as numpy_format

    buffer = io.BytesIO()
    write: Any = numpy_format.write_array_header_1_0  # numpy gives it no types
    write(buffer, {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)})
    return buffer.getvalue()


def written(array: NDArray[np.float32]) -> bytes:
    """``array`` in this form."""
    return header(array.shape) + array.astype("<f4").tobytes()


def read(data: bytes | bytearray | memoryview, shape: Sequence[int]) -> NDArray[np.float32] | None:
    """The array that ``written`` wrote, if ``data`` is one of that shape, else None."""
    import numpy as np

    start = header(shape)
    count = int(np.prod(shape, dtype=np.int64))
    if len(data) != len(start) + count * ITEM_BYTES or bytes(data[: len(start)]) != start:
        return None
    array: NDArray[Any] = np.frombuffer(data, "<f4", count=count, offset=len(start))
    return array.reshape(tuple(shape))


def permitted(shape: Sequence[int]) -> bool:
    """Whether arrays of this shape are taken: (rows,), (rows, columns) or (h, w, channels)."""
    if not 1 <= len(shape) <= MAX_AXES or any(side < 1 for side in shape):
        return False
    count = 1
    for side in shape:
        count *= side
    return count <= MAX_ELEMENTS and (len(shape) < MAX_AXES or shape[-1] <= MAX_CHANNELS)
