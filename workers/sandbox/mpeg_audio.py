"""Recognition of MPEG audio: MP3 (ISO/IEC 11172-3, 13818-3), ADTS AAC (13818-7), ID3v2 tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workers.sandbox.reasons import Refusal

_ID3_HEADER: Final = 10
_MAX_TAGS: Final = 8

# kbit/s of layer III by bitrate index, for MPEG 1 and for MPEG 2 / 2.5.
_BITRATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MPEG_1: Final = 3
_LAYER_3: Final = 1


def _layer_3_frame(header: bytes) -> int | None:
    """Length in bytes of the layer III frame with this four-byte header; None if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:  # noqa: PLR2004
        return None
    version, layer = (header[1] >> 3) & 3, (header[1] >> 1) & 3
    bitrate, rate = header[2] >> 4, (header[2] >> 2) & 3
    if version not in _RATES or layer != _LAYER_3 or not 0 < bitrate < 15 or rate == 3:  # noqa: PLR2004
        return None
    kbits = (_BITRATES_1 if version == _MPEG_1 else _BITRATES_2)[bitrate]
    factor = 144_000 if version == _MPEG_1 else 72_000
    return factor * kbits // _RATES[version][rate] + ((header[2] >> 1) & 1)


def _adts_frame(header: bytes) -> int | None:
    """Length in bytes of the ADTS frame with this header; None if it is none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:  # noqa: PLR2004
        return None
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    rate = (header[2] >> 2) & 15
    return length if length > 7 and rate < 13 else None  # noqa: PLR2004 - header length, rates


def _two_frames(
    frame: Callable[[bytes], int | None], head: bytes, size: int, at: int, read_at: ReadAt
) -> bool:
    """Whether two frames follow each other, or one fills the rest of the file."""
    length = frame(head)
    if length is None:
        return False
    if at + length >= size:
        return True
    return frame(read_at(at + length, 8)) is not None


ReadAt = Callable[[int, int], bytes]


def sniff_mpeg_audio(head: bytes, size: int, read_at: ReadAt) -> str | None:
    """``mp3``, ``aac``, ``flac`` behind an ID3 tag, or None.

    Raises:
        Refusal: truncated, where a tag is longer than the file.
    """
    at, tagged = 0, False
    for _ in range(_MAX_TAGS):
        if head[:3] != b"ID3" or len(head) < _ID3_HEADER or max(head[6:10]) > 0x7F:  # noqa: PLR2004
            break
        tagged = True
        length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        at += _ID3_HEADER + length + (_ID3_HEADER if head[5] & 0x10 else 0)
        if at >= size:
            raise Refusal("truncated")
        head = read_at(at, 64)
    if head.startswith(b"fLaC"):
        return "flac" if tagged else None
    if _two_frames(_adts_frame, head, size, at, read_at):
        return "aac"
    if tagged or _two_frames(_layer_3_frame, head, size, at, read_at):
        return "mp3"
    return None
