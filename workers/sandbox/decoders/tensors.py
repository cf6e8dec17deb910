"""From our own renditions back to the arrays that encoders take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

import numpy as np

from workers.sandbox.child import Result
from workers.sandbox.decoders.image import upright_rgb
from workers.sandbox.decoders.opus import RATE
from workers.sandbox.decoders.sound import Samples, mono_blocks, open_sound

_MAX_PIXELS: Final = 64_000_000
"""A rendition has at most 2048 x 2048."""
_PREROLL_MS: Final = 1_000
_SEEK_FROM_MS: Final = 10_000


def _image(file: BinaryIO, longest_side: int) -> list[np.ndarray[Any, Any]]:
    image, _ = upright_rgb(file, "webp", side=longest_side, max_pixels=_MAX_PIXELS)
    return [np.asarray(image, dtype=np.uint8)]


def _sound(file: BinaryIO, rate: int, *, limit_ms: int, until_ms: int | None) -> Samples:
    """The samples from the start to `until_ms`."""
    container, stream = open_sound(file, "ogg")
    blocks: list[Samples] = []
    total = 0
    until = None if until_ms is None else until_ms * rate // 1000
    with container:
        for block in mono_blocks(container, stream, rate=rate, limit_ms=limit_ms):
            blocks.append(block)
            total += len(block)
            if until is not None and total >= until:
                break
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32)


def _cut(sound: Samples, start_ms: int, end_ms: int, rate: int) -> Samples:
    """The samples of one window; zeros where the sound has already ended."""
    start, length = start_ms * rate // 1000, (end_ms - start_ms) * rate // 1000
    window = np.zeros(max(0, length), np.float32)
    part = sound[start : start + length]
    window[: len(part)] = part
    return window


def _windows(
    file: BinaryIO, windows_ms: Sequence[Sequence[int]], rate: int, limit_ms: int
) -> list[np.ndarray[Any, Any]]:
    until = max((end for _, end in windows_ms), default=None)
    sound = _sound(file, rate, limit_ms=limit_ms, until_ms=until)
    if not windows_ms:
        return [sound]
    return [_cut(sound, start, end, rate) for start, end in windows_ms]


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Arrays of one of our renditions; the header's ``arrays`` names their dtypes and shapes."""
    del size
    if arguments["kind"] == "webp":
        arrays = _image(file, arguments["longest_side"])
    else:
        rate = arguments["sample_rate"] or RATE
        arrays = _windows(file, arguments["windows_ms"], rate, arguments["max_ms"])
    described = [[array.dtype.name, list(array.shape)] for array in arrays]
    return Result({"arrays": described}, [np.ascontiguousarray(array).data for array in arrays])
