"""Recognition and completeness of ISO base media files (ISO/IEC 14496-12): MP4/M4A, HEIC, AVIF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workers.sandbox.reasons import Refusal

_HEIC: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_AVIF: Final = (b"avif", b"avis")
_IMAGE: Final = (b"mif1", b"msf1", b"miaf")
_AUDIO: Final = (
    b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"dash",
    b"qt  ", b"3gp4", b"3gp5", b"3gp6", b"MSNV", b"F4A ", b"avc1", b"M4V ",
)  # fmt: skip
_BOX_HEADER: Final = 8
_MAX_BOXES: Final = 10_000


def sniff_iso_media(head: bytes) -> str | None:
    """``heic``, ``avif`` or ``mp4`` by the file-type box, None where there is none.

    Raises:
        Refusal: unknown-type for a brand no decoder exists for (JPEG XL, CR3, JPEG 2000, ...).
    """
    if head[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major} | {head[at : at + 4] for at in range(16, length - 3, 4)}
    if major in _AVIF or (major in _IMAGE and brands & set(_AVIF)):
        return "avif"
    if major in _HEIC or (major in _IMAGE and brands & set(_HEIC)):
        return "heic"
    if major in _AUDIO or brands & set(_AUDIO):
        return "mp4"
    raise Refusal("unknown-type")


def check_boxes(read_at: Callable[[int, int], bytes], size: int) -> None:
    """Checks that the top-level boxes fit the file.

    Raises:
        Refusal: truncated, where a box ends behind the end of the file.
    """
    at = 0
    for _ in range(_MAX_BOXES):
        if at >= size:
            return
        header = read_at(at, 16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:  # The last box may run to the end of the file.
            return
        if length < _BOX_HEADER:
            # Padding or rubbish behind the boxes: the decoder decides.
            return
        if at + length > size:
            raise Refusal("truncated")
        at += length
