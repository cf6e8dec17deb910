"""Compressed streams inside other bytes, as they arrive: gzip, zlib, zip's deflate, bzip2, xz."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

# RFC 1952 2.3.1 (gzip); RFC 1950 2.2 (zlib: its four levels, 32 KiB window); APPNOTE 4.3.7 (zip);
# bzip2 and xz by the magic numbers of their formats.
_MAGIC = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|PK\x03\x04|BZh[1-9]1AY&SY|\xfd7zXZ\x00")
_ZIP_HEADER = struct.Struct("<4s5H3I2H")
_DEFLATED = 8
_PIECE_BYTES = 1 << 20
_STEP_BYTES = 256
_GZIP_HEADER_BYTES = 10
_GZIP_CHECK, _GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 2, 4, 8, 16  # RFC 1952, 2.3.1
_BROKEN = (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError)
HEADER_BYTES = 512  # so much of a beginning must be at hand: a zip entry's name may be long


class Unpacking:
    """One stream on its way. ``form`` names its format; ``done`` once it ended or broke."""

    def __init__(self, form: str, made: Any) -> None:
        self.form = form
        self.done = False
        self._made = made
        self._asks = not hasattr(made, "needs_input")  # zlib's hands back what it did not take

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` unpacks to, in pieces of some MiB; what there is before it breaks."""
        unpacked = bytearray()
        for begin in range(0, len(data), _STEP_BYTES):
            unpacked += self._step(data[begin : begin + _STEP_BYTES])
            if len(unpacked) >= _PIECE_BYTES:
                yield bytes(unpacked)
                unpacked.clear()
            if self.done:
                break
        if unpacked:
            yield bytes(unpacked)

    def _step(self, data: bytes) -> bytes:
        """What so few bytes unpack to: a call that breaks off loses all of its output."""
        unpacked = b""
        more = True
        while more and not self.done:
            try:
                piece = self._made.decompress(data, _PIECE_BYTES)
            except _BROKEN:
                self.done = True
                break
            unpacked += piece
            self.done = bool(self._made.eof)
            data = self._made.unconsumed_tail if self._asks else b""
            more = bool(data) or len(piece) == _PIECE_BYTES
        return unpacked


def streams(data: bytes, *, until: int) -> Iterator[tuple[int, Unpacking]]:
    """Every place before ``until`` where a stream may begin, and what unpacks it from there."""
    for magic in _MAGIC.finditer(data, 0, min(len(data), until + HEADER_BYTES)):
        start = magic.start()
        if start >= until:
            return
        kind = magic.group()
        if kind.startswith(b"PK"):
            start = _zip_content(data, start)
        elif kind.startswith(b"\x1f"):
            start = _gzip_content(data, start)
        elif kind.startswith(b"\x78"):
            start += 2
        if start >= 0:
            yield start, Unpacking(*_decompressor(kind))


def _decompressor(magic: bytes) -> tuple[str, Any]:
    if magic.startswith(b"BZ"):
        return "bzip2", bz2.BZ2Decompressor()
    if magic.startswith(b"\xfd"):
        return "xz", lzma.LZMADecompressor(memlimit=1 << 28)
    # Without their check sums: one that is cut off or does not agree must not hide the content.
    names = {b"\x1f": "gzip", b"PK": "zip"}
    name = next((name for head, name in names.items() if magic.startswith(head)), "zlib")
    return name, zlib.decompressobj(wbits=-15)


def _gzip_content(data: bytes, start: int) -> int:
    """Where the deflated bytes begin, after name and comment if there are any; -1 if nowhere."""
    if start + _GZIP_HEADER_BYTES > len(data):
        return -1
    flags, begin = data[start + 3], start + _GZIP_HEADER_BYTES
    if flags & _GZIP_EXTRA:
        begin += 2 + int.from_bytes(data[begin : begin + 2], "little")
    for flag in (_GZIP_NAME, _GZIP_COMMENT):
        if flags & flag:
            begin = data.find(b"\0", begin) + 1
            if not begin:
                return -1
    return begin + (2 if flags & _GZIP_CHECK else 0)


def _zip_content(data: bytes, start: int) -> int:
    """Where a zip entry's compressed bytes begin; -1 if it has none here or they are plain."""
    header = data[start : start + _ZIP_HEADER.size]
    if len(header) < _ZIP_HEADER.size:
        return -1
    fields = _ZIP_HEADER.unpack(header)
    begin = start + _ZIP_HEADER.size + int(fields[9]) + int(fields[10])
    return begin if fields[3] == _DEFLATED and begin < len(data) else -1
