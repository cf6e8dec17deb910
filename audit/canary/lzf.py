"""Strings in Redis's dump files, packed by LZF (rdb.c: ``RDB_ENC_LZF``; liblzf's lzf_d.c)."""

from __future__ import annotations

from collections.abc import Iterator

_PACKED = b"\xc3"  # RDB_ENCVAL << 6 | RDB_ENC_LZF
_LEAST_BYTES, _MOST_BYTES = 4, 512 << 20
_MOST_RATIO = 300  # a reference of three bytes gives 264
_LITERALS = 32
_LONG = 7  # a length of seven says that one more byte follows


def lzf_values(data: bytes) -> Iterator[tuple[str, bytes]]:
    """("lzf", content) of every packed string in ``data``, as far as it is there."""
    at = data.find(_PACKED)
    while at >= 0:
        packed, begin = _length(data, at + 1)
        size, begin = _length(data, begin)
        if _LEAST_BYTES <= packed < size <= min(packed * _MOST_RATIO, _MOST_BYTES):
            value = lzf_decompress(data[begin : begin + packed], size)
            if value:
                yield "lzf", value
        at = data.find(_PACKED, at + 1)


def lzf_decompress(source: bytes, size: int) -> bytes:
    """At most ``size`` bytes; what there is until the bytes end or make no sense."""
    out = bytearray()
    at, end = 0, len(source)
    while at < end and len(out) < size:
        control = source[at]
        at += 1
        if control < _LITERALS:
            out += source[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == _LONG and at < end:
            length += source[at]
            at += 1
        if at >= end:
            break
        start = len(out) - ((control & 0x1F) << 8) - source[at] - 1
        at += 1
        if start < 0:
            break
        for offset in range(start, start + length + 2):
            out.append(out[offset])  # it may repeat what it has just written
    return bytes(out[:size])


def lzf_packed(words: list[bytes]) -> bytes:
    """A packed string as a dump has it: ``words`` (3 to 8 bytes) backwards, then as references."""
    first = b"".join(reversed(words))
    body = bytearray()
    for begin in range(0, len(first), _LITERALS):
        part = first[begin : begin + _LITERALS]
        body += bytes([len(part) - 1]) + part
    size = len(first)
    for word in words:
        back = size - first.index(word) - 1
        body += bytes([len(word) - 2 << 5 | back >> 8, back & 0xFF])
        size += len(word)
    return _PACKED + _encoded(len(body)) + _encoded(size) + bytes(body)


def _encoded(length: int) -> bytes:
    """A length in 14 bits (rdb.c: ``RDB_14BITLEN``)."""
    return bytes([0x40 | length >> 8, length & 0xFF])


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length and where the rest begins; 0 where it is none."""
    head = data[at : at + 5]
    if not head:
        return 0, at
    kind = head[0] >> 6
    if kind == 0:
        return head[0] & 0x3F, at + 1
    if kind == 1:
        return int.from_bytes(bytes([head[0] & 0x3F]) + head[1:2], "big"), at + 2
    return (int.from_bytes(head[1:5], "big"), at + 5) if head[0] == 0x80 else (0, at + 1)  # noqa: PLR2004 - RDB_32BITLEN
