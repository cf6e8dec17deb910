"""What a file is, by its content. The name only says whether the sender was mistaken.

Pure Python over a few kilobytes, without any parser, so it runs before a decoder process is made
and chooses which decoder may see the file. Formats are recognised by the signatures their own
specifications give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from workers.sandbox import npy
from workers.sandbox.iso_media import sniff_iso_media
from workers.sandbox.mpeg_audio import sniff_mpeg_audio
from workers.sandbox.reasons import Refusal
from workers.sandbox.types import Modality

VERSION: Final = "1"
HEAD_BYTES: Final = 8192

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, count)`` gives up to `count` bytes from there."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file a decoder exists for. `name` selects the decoder."""

    name: str
    modality: Modality
    media_type: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("text", "text", "text/plain"),
        Kind("markdown", "text", "text/markdown"),
        Kind("html", "text", "text/html"),
        Kind(
            "docx",
            "text",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        Kind("ole", "text", "application/x-ole-storage"),
        Kind("pdf", "text", "application/pdf"),
        Kind("jpeg", "image", "image/jpeg"),
        Kind("png", "image", "image/png"),
        Kind("webp", "image", "image/webp"),
        Kind("gif", "image", "image/gif"),
        Kind("tiff", "image", "image/tiff"),
        Kind("heic", "image", "image/heic"),
        Kind("avif", "image", "image/avif"),
        Kind("wav", "audio", "audio/wav"),
        Kind("flac", "audio", "audio/flac"),
        Kind("ogg", "audio", "audio/ogg"),
        Kind("mp3", "audio", "audio/mpeg"),
        Kind("aac", "audio", "audio/aac"),
        Kind("mp4", "audio", "audio/mp4"),
        Kind("npy", "array", npy.MEDIA_TYPE),
    )
}

EXTENSIONS: Final[dict[str, Modality]] = {
    **dict.fromkeys(("txt", "text", "md", "markdown", "html", "htm", "docx", "pdf"), "text"),
    **dict.fromkeys(
        ("jpg", "jpeg", "jpe", "png", "webp", "gif", "tif", "tiff", "heic", "heif", "avif"), "image"
    ),
    **dict.fromkeys(
        ("wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "m4a", "m4b", "aac"), "audio"
    ),
    "npy": "array",
}

_PLAIN_TEXT_EXTENSIONS: Final = ("", "txt", "text")
_MARKDOWN_EXTENSIONS: Final = ("md", "markdown")
_HTML_EXTENSIONS: Final = ("html", "htm")

_FIXED: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"fLaC", "flac"),
    (npy.MAGIC, "npy"),
    (b"PK\x03\x04", "docx"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
)
_REFUSED: Final = (
    b"\x7fELF", b"MZ", b"#!", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ",
    b"PK\x05\x06", b"PK\x07\x08", b"#EXTM3U", b"[playlist]", b"ffconcat", b"<?php", b"%!PS",
    b"{\\rtf", b"<?xml", b"<svg", b"\xca\xfe\xba\xbe", b"\x1aE\xdf\xa3", b"FLV\x01",
    b"SQLite format 3",
)  # fmt: skip
_HTML_STARTS: Final = (b"<!doctype html", b"<html", b"<head", b"<body")
_WIDE_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROL_LIMIT: Final = 0.02
"""A text has hardly any control characters; above this share of a file's head it is not text."""
_FEW_CONTROLS: Final = 2
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b\x08")


def extension_of(name: str) -> str:
    """The lower-case extension of a file name, without its dot."""
    return PurePosixPath(name.replace("\\", "/")).suffix[1:].lower()


def _riff(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return None


def _ogg(head: bytes) -> str | None:
    """Ogg whose first stream is Opus, Vorbis or FLAC (RFC 3533 page header, RFC 7845, ...)."""
    if head[:4] != b"OggS" or len(head) < 28:  # noqa: PLR2004 - the page header's length
        return None
    payload = head[27 + head[26] :]
    if payload.startswith((b"OpusHead", b"\x01vorbis", b"\x7fFLAC")):
        return "ogg"
    raise Refusal("unknown-type")


def _pdf(head: bytes) -> str | None:
    """PDF readers look for the mark within the first 1,024 bytes; we take white space before it."""
    return "pdf" if head[:1024].lstrip(b"\xef\xbb\xbf\x00\t\n\f\r ").startswith(b"%PDF-") else None


def _media(head: bytes, size: int, read_at: ReadAt) -> str | None:
    for signature, kind in _FIXED:
        if head.startswith(signature):
            return kind
    return (
        _riff(head)
        or _ogg(head)
        or _pdf(head)
        or sniff_iso_media(head)
        or sniff_mpeg_audio(head, size, read_at)
    )


def _is_text(head: bytes) -> bool:
    if head.startswith(_WIDE_BOMS):
        return True
    controls = sum(byte in _CONTROLS for byte in head)
    return 0 not in head and controls <= max(_FEW_CONTROLS, len(head) * _CONTROL_LIMIT)


def _text(head: bytes, extension: str) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lowered = start[:512].lower()
    if b"<html" in lowered and lowered.startswith(b"<?xml"):
        return "html"
    if start.startswith(_REFUSED) or lowered.startswith((b"<!doctype svg", b"<svg")):
        raise Refusal("unknown-type")
    if not _is_text(head):
        raise Refusal("unknown-type")
    if lowered.startswith(_HTML_STARTS) or extension in _HTML_EXTENSIONS:
        return "html"
    if extension in _MARKDOWN_EXTENSIONS:
        return "markdown"
    if extension in _PLAIN_TEXT_EXTENSIONS:
        return "text"
    # Readable, but neither named as text nor marked as such: source code, data, or a wrong name.
    raise Refusal("unknown-type")


def sniff(*, read_at: ReadAt, size: int, name_hint: str) -> Kind:
    """The kind of the file behind `read_at`, `size` bytes long.

    Raises:
        Refusal: empty-file, unknown-type, truncated, or mislabelled where the name claims a
            supported kind and the content is none of them.
    """
    if size == 0:
        raise Refusal("empty-file")
    head = read_at(0, HEAD_BYTES)
    extension = extension_of(name_hint)
    try:
        return KINDS[_media(head, size, read_at) or _text(head, extension)]
    except Refusal as refusal:
        raise relabel(refusal, name_hint) from None


def relabel(refusal: Refusal, name_hint: str) -> Refusal:
    """`refusal`, as "mislabelled" where an unsupported file bears a supported kind's name."""
    if refusal.code == "unknown-type" and extension_of(name_hint) in EXTENSIONS:
        return Refusal("mislabelled")
    return refusal
