"""Whether a sound file has its end, judged from its container's own lengths."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO, Final

from workers.sandbox.iso_media import check_boxes
from workers.sandbox.reasons import Refusal

_TAIL: Final = 128 * 1024
"""An Ogg page is at most 65,307 bytes (RFC 3533)."""
_PAGE_HEADER: Final = 27
_STREAMED: Final = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000)
"""Data lengths written by recorders that did not know theirs yet."""
_IN_DS64: Final = 0xFFFFFFFF
_MAX_CHUNKS: Final = 10_000


def _read_at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _check_wav(file: BinaryIO, size: int) -> None:
    at, long_length = 12, None
    for _ in range(_MAX_CHUNKS):
        header = _read_at(file, at, 8)
        if len(header) < 8:  # noqa: PLR2004 - a chunk's header
            # Not even the header of the samples is there.
            raise Refusal("truncated")
        name, length = struct.unpack("<4sI", header)
        if name == b"ds64":
            # RF64 (EBU Tech 3306) keeps the lengths that 32 bits cannot hold here.
            fields = _read_at(file, at + 8, 16)
            long_length = int.from_bytes(fields[8:], "little")
        elif name == b"data":
            if long_length is not None and length == _IN_DS64:
                length = long_length
            if length == 0 and at + 8 >= size:
                raise Refusal("zero-duration")
            if length not in _STREAMED and at + 8 + length > size:
                raise Refusal("truncated")
            return
        at += 8 + length + length % 2


def _check_ogg(file: BinaryIO, size: int) -> None:
    tail = _read_at(file, max(0, size - _TAIL), _TAIL)
    at = tail.rfind(b"OggS")
    while at >= 0:
        page = tail[at:]
        if len(page) >= _PAGE_HEADER and page[4] == 0:
            segments = page[26]
            lengths = page[_PAGE_HEADER : _PAGE_HEADER + segments]
            whole = _PAGE_HEADER + segments + sum(lengths)
            if len(lengths) < segments or whole > len(page):
                raise Refusal("truncated")
            return
        if len(page) < _PAGE_HEADER:
            raise Refusal("truncated")
        # The four letters happened to be in the sound itself.
        at = tail.rfind(b"OggS", 0, at)


def _check_mp4(file: BinaryIO, size: int) -> None:
    check_boxes(lambda at, count: _read_at(file, at, count), size)


_CHECKS: Final[dict[str, Callable[[BinaryIO, int], None]]] = {
    "wav": _check_wav,
    "ogg": _check_ogg,
    "mp4": _check_mp4,
}


def check_complete(file: BinaryIO, size: int, kind: str) -> None:
    """Raises `Refusal` (truncated, zero-duration) where the container promises too much."""
    check = _CHECKS.get(kind)
    if check is not None:
        check(file, size)
