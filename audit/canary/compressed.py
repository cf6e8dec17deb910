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
        """What ``data`` unpacks to, in pieces of at most a MiB; it just ends where it breaks."""
        more = True
        while more and not self.done:
            try:
                piece = self._made.decompress(data, _PIECE_BYTES)
            except _BROKEN:
                self.done = True
                return
            if piece:
                yield piece
            self.done = bool(self._made.eof)
            data = self._made.unconsumed_tail if self._asks else b""
            more = bool(data) or len(piece) == _PIECE_BYTES


def streams(data: bytes, *, until: int) -> Iterator[tuple[int, Unpacking]]:
    """Every place before ``until`` where a stream may begin, and what unpacks it from there."""
    for magic in _MAGIC.finditer(data, 0, min(len(data), until + HEADER_BYTES)):
        start = magic.start()
        if start >= until:
            return
        kind = magic.group()
        if kind.startswith(b"PK"):
            start = _zip_content(data, start)
            if start < 0:
                continue
        yield start, Unpacking(*_decompressor(kind))


def _decompressor(magic: bytes) -> tuple[str, Any]:
    if magic.startswith(b"\x1f"):
        return "gzip", zlib.decompressobj(wbits=31)
    if magic.startswith(b"PK"):
        return "zip", zlib.decompressobj(wbits=-15)
    if magic.startswith(b"BZ"):
        return "bzip2", bz2.BZ2Decompressor()
    if magic.startswith(b"\xfd"):
        return "xz", lzma.LZMADecompressor(memlimit=1 << 28)
    return "zlib", zlib.decompressobj()


def _zip_content(data: bytes, start: int) -> int:
    """Where a zip entry's compressed bytes begin; -1 if it has none here or they are plain."""
    header = data[start : start + _ZIP_HEADER.size]
    if len(header) < _ZIP_HEADER.size:
        return -1
    fields = _ZIP_HEADER.unpack(header)
    begin = start + _ZIP_HEADER.size + int(fields[9]) + int(fields[10])
    return begin if fields[3] == _DEFLATED and begin < len(data) else -1
