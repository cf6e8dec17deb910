"""The two ways in which Postgres compresses a value: pglz and LZ4 blocks.

Decoders stop where the bytes end or make no sense and give what they have until there: a value's
beginning is worth searching too.
"""

from __future__ import annotations

_PGLZ_SHORT = 18  # a length of 18 says that one more byte follows
_LZ4_MIN_MATCH = 4
_LZ4_MORE = 15


def pglz_decompress(source: bytes, raw_size: int) -> bytes:
    """At most ``raw_size`` bytes. Format: src/common/pg_lzcompress.c of PostgreSQL."""
    out = bytearray()
    at, end = 0, len(source)
    while at < end and len(out) < raw_size:
        control = source[at]
        at += 1
        for bit in range(8):
            if at >= end or len(out) >= raw_size:
                break
            if not control >> bit & 1:
                out.append(source[at])
                at += 1
                continue
            if at + 1 >= end:
                return bytes(out)
            length = (source[at] & 0x0F) + 3
            distance = (source[at] & 0xF0) << 4 | source[at + 1]
            at += 2
            if length == _PGLZ_SHORT and at < end:
                length += source[at]
                at += 1
            if not _repeat(out, distance, length):
                return bytes(out)
    return bytes(out[:raw_size])


def lz4_decompress(source: bytes, raw_size: int) -> bytes:
    """At most ``raw_size`` bytes. Format: doc/lz4_Block_format.md of lz4."""
    out = bytearray()
    at, end = 0, len(source)
    while at < end and len(out) < raw_size:
        token = source[at]
        literals, at = _lz4_length(source, at + 1, token >> 4)
        out += source[at : at + literals]
        at += literals
        if at + 2 > end:
            break
        distance = source[at] | source[at + 1] << 8
        length, at = _lz4_length(source, at + 2, token & 0x0F)
        if not _repeat(out, distance, length + _LZ4_MIN_MATCH):
            break
    return bytes(out[:raw_size])


def _lz4_length(source: bytes, at: int, length: int) -> tuple[int, int]:
    """A length and where the rest begins; fifteen says that more follows, byte by byte."""
    if length < _LZ4_MORE:
        return length, at
    while at < len(source):
        more = source[at]
        at += 1
        length += more
        if more != 0xFF:  # noqa: PLR2004 - the format's own mark
            break
    return length, at


def _repeat(out: bytearray, distance: int, length: int) -> bool:
    """Appends what stands ``distance`` back, over itself where shorter; False if it cannot."""
    if not 0 < distance <= len(out):
        return False
    start = len(out) - distance
    if distance >= length:
        out += out[start : start + length]
    else:
        pattern = bytes(out[start:])
        out += (pattern * (length // distance + 1))[:length]
    return True


def pglz_compressed(words: list[bytes]) -> tuple[bytes, int]:
    """``words`` (3 to 17 bytes each) twice over, the second time as references; and the raw size.

    For controls: of what the second half says, no two words stand side by side in the result
    except as references.
    """
    first = b"".join(reversed(words))
    items: list[bytes | tuple[int, int]] = [first[i : i + 1] for i in range(len(first))]
    at = len(first)
    for word in words:
        items.append((at - first.index(word), len(word)))
        at += len(word)
    packed = bytearray()
    for begin in range(0, len(items), 8):
        group = items[begin : begin + 8]
        packed.append(sum(1 << n for n, item in enumerate(group) if isinstance(item, tuple)))
        for item in group:
            if isinstance(item, tuple):
                distance, length = item
                packed += bytes([distance >> 4 & 0xF0 | length - 3, distance & 0xFF])
            else:
                packed += item
    return bytes(packed), at
