"""Compressed values in the bytes of Postgres files, in rows alive, dead or in free space.

Nothing is asked of line pointers or visibility: a value is known by its own header, at any offset
(src/include/varatt.h: two bits say "compressed", then its length, its raw size and its method). Out
of line values are put together from their chunks (src/include/access/heaptoast.h: 1,996 bytes each,
rows of value id, number, bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from audit.canary.pglz import lz4_decompress, pglz_decompress

PAGE_BYTES = 8192
_CHUNK_BYTES = 1996  # TOAST_MAX_CHUNK_SIZE with 8 KiB pages
_FULL_HEADER = (_CHUNK_BYTES + 4) << 2
_PACKED = 2  # the two bits of a header that say so
_LEAST_BYTES = 12  # of a compressed value, its header included
_MOST_CHUNKS = 1 << 19  # 1 GB, the most a value may have
_FIRST_ID = 16384  # FirstNormalObjectId: smaller ones are the catalogue's own
_MOST_RATIO = 300  # LZ4 packs at most 255 bytes into one, pglz 91
_RAW_SIZE = 0x3FFFFFFF
_LEAST_RAW, _MOST_RAW = 32, 1 << 21  # of what fits into a page, compressed
_READINGS = 8  # contents that are tried for one chunk
_BLOCK = 1 << 18
HELD_BYTES = 256 << 20

Words = npt.NDArray[np.uint32]
Whole = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]


def unpacked_value(stored: bytes) -> bytes:
    """The content of a compressed value, whose first four bytes are raw size and method."""
    info = int.from_bytes(stored[:4], "little")
    raw_size, method = info & _RAW_SIZE, info >> 30
    if method > 1 or not 0 < raw_size <= _MOST_RATIO * len(stored):
        return b""
    return (lz4_decompress if method else pglz_decompress)(stored[4:], raw_size)


def inline_values(data: bytes) -> Iterator[tuple[str, bytes]]:
    """("toast", content) of every value in ``data`` that is compressed in its row."""
    for at, header in _headers(data, compressed=True):
        value = unpacked_value(data[at + 4 : at + (header >> 2)])
        if value:
            yield "toast", value


class Chunks:
    """Out of line values, collected from the windows of one file and given when complete."""

    def __init__(self) -> None:
        # By value and number; what only looks like a chunk may claim the place of a real one.
        self._held: dict[int, dict[int, list[bytes]]] = {}
        self._bytes = 0

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """What can be given already; nothing is held beyond ``HELD_BYTES``."""
        for at, header in _headers(data, compressed=False):
            self._take(data, at, header)
            if self._bytes > HELD_BYTES:
                yield from self.rest()

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """Every value as far as its chunks are there from the first one on."""
        for chunks in self._held.values():
            for reading in range(max(map(len, chunks.values()))):
                stored = bytearray()
                for number in range(len(chunks)):
                    found = chunks.get(number)
                    if found is None:
                        break
                    stored += found[min(reading, len(found) - 1)]
                whole = bytes(stored)
                # A value that was not compressed is searched for what straddles two chunks.
                yield "toast", unpacked_value(whole) or whole
        self._held.clear()
        self._bytes = 0

    def _take(self, data: bytes, at: int, header: int) -> None:
        value_id = int.from_bytes(data[at - 8 : at - 4], "little")
        number = int.from_bytes(data[at - 4 : at], "little")
        content = data[at + 4 : at + (header >> 2)]
        last = header != _FULL_HEADER
        if last and number and value_id not in self._held:
            return
        found = self._held.setdefault(value_id, {}).setdefault(number, [])
        if content not in found and len(found) < _READINGS:
            found.append(content)
            self._bytes += len(content) + 64


def _headers(data: bytes, *, compressed: bool) -> Iterator[tuple[int, int]]:
    """(offset, header) of what may be compressed values, or chunks of values out of line."""
    pick = _compressed if compressed else _chunks
    # Eight bytes before a chunk's header and four behind a value's are looked at as well.
    for begin in range(8, len(data) - 8, _BLOCK):
        words = _words(data, begin, min(_BLOCK, len(data) - 8 - begin))
        spots = pick(data, words, begin)
        yield from zip((spots + begin).tolist(), words[spots].tolist(), strict=True)


def _compressed(data: bytes, words: Words, begin: int) -> npt.NDArray[np.int64]:
    most = PAGE_BYTES << 2
    spots = np.flatnonzero((words < most) & (words & 3 == _PACKED) & (words >= _LEAST_BYTES << 2))
    info = _words(data, begin + 4, len(words))[spots]
    return spots[_plausible(info, (words[spots] >> 2) - 8, data, spots + begin + 8)]


def _chunks(data: bytes, words: Words, begin: int) -> npt.NDArray[np.int64]:
    spots = np.flatnonzero((words <= _FULL_HEADER) & (words & 3 == 0) & (words > 4 << 2))
    number = _words(data, begin - 4, len(words))[spots]
    value_id = _words(data, begin - 8, len(words))[spots]
    right = (number < _MOST_CHUNKS) & (value_id >= _FIRST_ID)
    spots, number = spots[right], number[right]
    # A value in one piece is of interest only where it is compressed: as it stands it is searched
    # anyway.
    alone = (number == 0) & (words[spots] < _FULL_HEADER)
    info = _words(data, begin + 4, len(words))[spots]
    packed = _plausible(info, (words[spots] >> 2) - 8, data, spots + begin + 8)
    wanted: npt.NDArray[np.int64] = spots[~alone | packed]
    return wanted


def _plausible(info: Words, length: Whole, data: bytes, at: npt.NDArray[np.int64]) -> Flags:
    """Whether ``length`` bytes at ``at`` can be a compressed value, by what stands before them.

    pglz takes nothing under 32 bytes and saves a quarter at least (``PGLZ_strategy_default``); both
    methods begin with a literal.
    """
    size, method = (info & _RAW_SIZE).astype(np.int64), info >> 30
    first = np.frombuffer(data, dtype=np.uint8)[np.minimum(at, len(data) - 1)]
    stored = length.astype(np.int64)
    pglz = (method == 0) & (stored * 4 <= size * 3) & (first & 1 == 0)
    lz4 = (method == 1) & (stored < size) & (first >> 4 > 0)
    sane = (size >= _LEAST_RAW) & (size <= _MOST_RAW) & (size <= stored * _MOST_RATIO)
    right: Flags = (pglz | lz4) & sane & (stored > 0)
    return right


def _words(data: bytes, begin: int, count: int) -> Words:
    """The four bytes at each of ``count`` offsets from ``begin``, as little-endian uint32."""
    return np.ndarray((count,), dtype="<u4", buffer=data, offset=begin, strides=(1,))


def without_page_headers(segment: bytes) -> bytes:
    """The records of a write-ahead log segment as they follow each other, across its pages.

    src/include/access/xlog_internal.h: every page begins with 24 bytes, the first of a segment with
    40.
    """
    parts = []
    for begin in range(0, len(segment), PAGE_BYTES):
        page = segment[begin : begin + PAGE_BYTES]
        long = len(page) == PAGE_BYTES and page[2] & 0x02
        parts.append(page[40 if long else 24 :])
    return b"".join(parts)
