"""Whether a file is a whole safetensors file and nothing else; no tensor is read.

The format: 8 bytes of header length, a JSON header with dtype, shape and offsets of every tensor,
then their bytes without gaps (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from retrieval.encoders import strict_json
from retrieval.encoders.errors import BundleError

_LENGTH_BYTES = 8
_MOST_HEADER_BYTES = 8 * 1024 * 1024  # about 60,000 tensors; a large model has some thousands
_MOST_AXES = 8
_ENDS = 2
_SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}


def safetensors_check(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes by tensor name, once the header is well-formed and covers the file exactly.

    Raises:
        BundleError: it is cut short, has bytes that belong to no tensor, or its header is not one.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or length > size - _LENGTH_BYTES:
            raise BundleError("truncated", "A safetensors file is cut short.")
        if length > _MOST_HEADER_BYTES:
            raise BundleError("bad-safetensors", "A safetensors file has an outsized header.")
        header = file.read(length)
    try:
        tensors = strict_json.loads(header, most_bytes=_MOST_HEADER_BYTES)
    except strict_json.JsonRefused as error:
        raise BundleError(
            "bad-safetensors", f"A safetensors header cannot be used: {error}."
        ) from None
    if not isinstance(tensors, dict):
        raise BundleError("bad-safetensors", "A safetensors header is not an object.")
    metadata = tensors.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise BundleError("bad-safetensors", "A safetensors file's metadata are not words.")
    spans = sorted(_span(tensor) for tensor in tensors.values())
    _cover(spans, size - _LENGTH_BYTES - length)
    return {name: tuple(tensor["shape"]) for name, tensor in tensors.items()}


def _cover(spans: list[tuple[int, int]], size: int) -> None:
    end = 0
    for first, last in spans:
        if first != end:
            raise BundleError("bad-safetensors", "A safetensors file's tensors do not line up.")
        end = last
    if end > size:
        raise BundleError("truncated", "A safetensors file is cut short.")
    if end < size:
        raise BundleError("bad-safetensors", "A safetensors file holds more than its tensors.")


def _span(tensor: Any) -> tuple[int, int]:
    """First and last offset, if they fit dtype and shape."""
    if not isinstance(tensor, dict) or tensor.keys() != {"dtype", "shape", "data_offsets"}:
        raise BundleError("bad-safetensors", "A tensor of a safetensors file is ill described.")
    item, shape, offsets = _SIZES.get(tensor["dtype"]), tensor["shape"], tensor["data_offsets"]
    if item is None or not _counts(shape) or not _counts(offsets) or len(offsets) != _ENDS:
        raise BundleError("bad-safetensors", "A tensor of a safetensors file is ill described.")
    if len(shape) > _MOST_AXES or offsets[1] - offsets[0] != math.prod(shape) * item:
        raise BundleError("bad-safetensors", "A tensor's size is not that of its shape.")
    return offsets[0], offsets[1]


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
