"""Messages between our processes: a JSON header followed by binary parts; never pickle.

Layout: 4 bytes big-endian length of the header, the header (UTF-8 JSON ``{"data": …, "parts":
[sizes]}``), the parts one
after another. Arrays travel as raw little-endian buffers whose dtype and shape stand in the header.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONTENT_TYPE: Final = "application/x-vitrine-frames"
MAX_HEADER_BYTES: Final = 64 * 1024 * 1024
_LENGTH: Final = struct.Struct(">I")
# Everything an encoder eats or gives; object arrays and the like never come off the wire.
_DTYPES: Final = {"uint8": np.uint8, "int16": np.int16, "int64": np.int64, "float32": np.float32}


class FramingError(ValueError):
    """The bytes are not a message of this format."""


def pack(data: object, parts: Sequence[bytes | memoryview] = ()) -> bytes:
    """One message: ``data`` as JSON, ``parts`` as they are."""
    views = [memoryview(part).cast("B") if len(part) else memoryview(b"") for part in parts]
    header = json.dumps(
        {"data": data, "parts": [view.nbytes for view in views]}, separators=(",", ":")
    ).encode()
    return b"".join([_LENGTH.pack(len(header)), header, *views])


def unpack(message: bytes | memoryview) -> tuple[Any, list[memoryview]]:
    """The JSON data and the parts (views into ``message``, nothing is copied).

    Raises:
        FramingError: if lengths do not add up or the header is not JSON of the right form.
    """
    view = memoryview(message)
    if len(view) < _LENGTH.size:
        raise FramingError("message shorter than its length field")
    (length,) = _LENGTH.unpack_from(view)
    end = _LENGTH.size + length
    if length > MAX_HEADER_BYTES or end > len(view):
        raise FramingError("header longer than the message")
    try:
        header = json.loads(bytes(view[_LENGTH.size : end]))
        data, sizes = header["data"], [int(size) for size in header["parts"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FramingError("header is not in the expected form") from error
    if any(size < 0 for size in sizes) or end + sum(sizes) != len(view):
        raise FramingError("parts do not fill the message")
    parts = []
    for size in sizes:
        parts.append(view[end : end + size])
        end += size
    return data, parts


def pack_arrays(data: dict[str, object], arrays: Iterable[npt.NDArray[Any]]) -> bytes:
    """One message whose parts are ``arrays``; dtypes uint8, int16, int64 and float32 only.

    Raises:
        FramingError: for any other dtype.
    """
    solid = [np.ascontiguousarray(array) for array in arrays]
    for array in solid:
        if array.dtype.name not in _DTYPES:
            raise FramingError(f"arrays of dtype {array.dtype.name} do not travel")
    described = [{"dtype": array.dtype.name, "shape": list(array.shape)} for array in solid]
    return pack({**data, "arrays": described}, [array.reshape(-1).data for array in solid])


def unpack_arrays(message: bytes | memoryview) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
    """The data and the arrays (read-only views into ``message``).

    Raises:
        FramingError: if dtype, shape and size of a part do not agree.
    """
    data, parts = unpack(message)
    if not isinstance(data, dict) or not isinstance(data.get("arrays"), list):
        raise FramingError("message carries no arrays")
    described = data.pop("arrays")
    if len(described) != len(parts):
        raise FramingError("arrays and parts differ in number")
    return data, [_array(about, part) for about, part in zip(described, parts, strict=True)]


def _array(about: Any, part: memoryview) -> npt.NDArray[Any]:
    try:
        dtype = np.dtype(_DTYPES[about["dtype"]])
        shape = tuple(int(side) for side in about["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise FramingError("array is not described in the expected form") from error
    if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != part.nbytes:
        raise FramingError("array's shape does not fit its bytes")
    return np.frombuffer(part, dtype=dtype).reshape(shape)
