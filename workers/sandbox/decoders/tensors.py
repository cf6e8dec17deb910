"""From our own renditions back to the arrays that encoders take."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np

from workers.sandbox.child import Result
from workers.sandbox.decoders import array
from workers.sandbox.decoders.image import upright_rgb
from workers.sandbox.decoders.opus import RATE
from workers.sandbox.decoders.sound import Samples, frames, mono_blocks, open_sound

_MAX_PIXELS: Final = 64_000_000
"""A rendition has at most 2048 x 2048."""
_PREROLL_MS: Final = 1_000
"""An Opus decoder needs 80 ms to settle after a seek (RFC 7845, 4.6)."""
_SEEK_FROM_MS: Final = 10_000


def _image(file: BinaryIO, longest_side: int) -> list[np.ndarray[Any, Any]]:
    image, _ = upright_rgb(file, "webp", side=longest_side, max_pixels=_MAX_PIXELS)
    return [np.asarray(image, dtype=np.uint8)]


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of a sound: its samples, and how many samples of the sound lie before it."""

    offset: int
    samples: Samples

    def window(self, start_ms: int, end_ms: int, rate: int) -> Samples:
        """The samples of one window; zeros where the sound has already ended."""
        start = start_ms * rate // 1000 - self.offset
        window = np.zeros(max(0, (end_ms - start_ms) * rate // 1000), np.float32)
        part = self.samples[max(0, start) : max(0, start + len(window))]
        window[: len(part)] = part
        return window


def _sound(
    file: BinaryIO, rate: int, *, limit_ms: int, from_ms: int, until_ms: int | None
) -> _Part:
    """The samples from `from_ms` or somewhat earlier to `until_ms` or somewhat later."""
    container, stream = open_sound(file, "ogg")
    blocks: list[Samples] = []
    with container:
        if from_ms > _SEEK_FROM_MS:
            container.seek((from_ms - _PREROLL_MS) * 1000)
        sound = frames(container, stream)
        first = next(sound, None)
        if first is None:
            return _Part(0, np.empty(0, np.float32))
        offset = round((first.time or 0.0) * rate)
        end = None if until_ms is None else until_ms * rate // 1000 - offset
        total = 0
        for block in mono_blocks(itertools.chain((first,), sound), rate=rate, limit_ms=limit_ms):
            blocks.append(block)
            total += len(block)
            if end is not None and total >= end:
                break
    return _Part(offset, np.concatenate(blocks))


def _windows(
    file: BinaryIO, windows_ms: Sequence[Sequence[int]], rate: int, limit_ms: int
) -> list[np.ndarray[Any, Any]]:
    until = max((end for _, end in windows_ms), default=None)
    begin = min((start for start, _ in windows_ms), default=0)
    part = _sound(file, rate, limit_ms=limit_ms, from_ms=begin, until_ms=until)
    if not windows_ms:
        return [part.samples]
    return [part.window(start, end, rate) for start, end in windows_ms]


def _array(whole: np.ndarray[Any, Any], arguments: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
    """The array, or its rows in each window, ``sample_rate`` rows a second."""
    if not arguments["windows_ms"]:
        return [whole]
    rate = arguments["sample_rate"]
    spans = [
        (start * rate // 1000, -(-end * rate // 1000)) for start, end in arguments["windows_ms"]
    ]
    windows = [whole[max(0, first) : max(0, last)] for first, last in spans]
    return [window if len(window) else whole[-1:] for window in windows]


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """Arrays of one of our renditions; the header's ``arrays`` names their dtypes and shapes."""
    if arguments["kind"] == "npy":
        arrays = _array(array.rendition(file, size), arguments)
    elif arguments["kind"] == "webp":
        arrays = _image(file, arguments["longest_side"])
    else:
        rate = arguments["sample_rate"] or RATE
        arrays = _windows(file, arguments["windows_ms"], rate, arguments["max_ms"])
    described = [[array.dtype.name, list(array.shape)] for array in arrays]
    return Result({"arrays": described}, [np.ascontiguousarray(array).data for array in arrays])
