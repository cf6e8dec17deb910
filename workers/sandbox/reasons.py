"""Every refusal the sandbox can pronounce: a code, a plain sentence, whether a human may help.

A decoder process may be in an attacker's hands, so it names only a code and whole numbers; the
sentence is made here, on the trusted side, and can therefore never carry content.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from workers.sandbox.errors import DecodeError
from workers.sandbox.types import Disposition


class Reason(NamedTuple):
    """What people are told, and what becomes of the file."""

    sentence: str
    disposition: Disposition


SUPPORTED: Final = (
    "supported are texts (.txt, .md, .html, .docx, .pdf), pictures (JPEG, PNG, WebP, GIF, TIFF, "
    "HEIC, AVIF), sounds (WAV, FLAC, Ogg, Opus, MP3, M4A, AAC) and arrays of numbers (.npy)"
)

REASONS: Final[dict[str, Reason]] = {
    "empty-file": Reason("The file is empty.", "rejected"),
    "no-content": Reason("The file holds no text.", "rejected"),
    "unknown-type": Reason(f"This kind of file is not supported; {SUPPORTED}.", "rejected"),
    "mislabelled": Reason(
        "The file's content is not what its name says, and not a kind of file that is supported; "
        f"{SUPPORTED}.",
        "rejected",
    ),
    "video": Reason("The file is a video; only its sound or pictures could be taken.", "rejected"),
    "truncated": Reason("The file ends too early: a part of it is missing.", "rejected"),
    "damaged": Reason("The file is damaged and cannot be read.", "rejected"),
    "password-protected": Reason(
        "The file is protected by a password; upload it without one.", "quarantined"
    ),
    "picture-unreadable": Reason(
        "There is more writing in the picture than could be read, so that nobody knows what of it "
        "is personal.",
        "quarantined",
    ),
    "too-many-pages-to-read": Reason(
        "The document has more pictures of pages than are read ({limit}).", "quarantined"
    ),
    "no-text-layer": Reason(
        "The document holds no text, and none could be read in its pictures.",
        "quarantined",
    ),
    "forbidden-xml": Reason(
        "The document declares XML entities or a document type of its own, which no word processor "
        "writes and which can be used for attacks.",
        "rejected",
    ),
    "archive-bomb": Reason(
        "The document unpacks to far more than a document of its size could hold.", "rejected"
    ),
    "too-large": Reason("The file is larger than the {limit} MB that are taken.", "rejected"),
    "too-many-pixels": Reason(
        "The picture has {found} megapixels; up to {limit} are taken.", "rejected"
    ),
    "too-many-pages": Reason(
        "The document has {found} pages; up to {limit} are taken.", "rejected"
    ),
    "too-much-text": Reason(
        "The document holds more than the {limit} million characters that are taken.", "rejected"
    ),
    "too-long": Reason("The sound is longer than the {limit} minutes that are taken.", "rejected"),
    "zero-duration": Reason("The sound has no length: there is nothing to hear in it.", "rejected"),
    "array-type": Reason(
        "The array holds something else than plain numbers; only numbers are taken.", "rejected"
    ),
    "array-shape": Reason(
        "The array has no elements, more than {limit} million, more than three axes or more than "
        "64 channels.",
        "rejected",
    ),
    "array-numbers": Reason(
        "The array holds infinite numbers or gaps (NaN); fill them before uploading.", "rejected"
    ),
    "modality-missing": Reason(
        "The file is an array of numbers; the upload must say what it shows (modality).", "rejected"
    ),
    "modality-mismatch": Reason(
        "The file is not of the modality that the upload says; data of other modalities than text, "
        "image and audio come as arrays (.npy).",
        "rejected",
    ),
    "not-redactable": Reason(
        "Nothing can be looked for in data of this kind, and the collection's redaction profile "
        "does not let it through unseen.",
        "quarantined",
    ),
    "no-transcriber": Reason(
        "The collection's redaction profile wants what is said to be judged, and no transcriber is "
        "installed.",
        "quarantined",
    ),
    "decoder-crashed": Reason(
        "The file made its reader crash; nothing but the reader was affected.", "quarantined"
    ),
    "decoder-failed": Reason("The reader of this kind of file could not handle it.", "quarantined"),
    "decoder-timeout": Reason("Reading the file took longer than is allowed.", "quarantined"),
    "decoder-memory": Reason("Reading the file took more memory than is allowed.", "quarantined"),
    "decoder-output": Reason("Reading the file gave more data than is allowed.", "quarantined"),
}


class Refusal(Exception):
    """Raised by decoders: a code of `REASONS` and the whole numbers its sentence needs."""

    def __init__(self, code: str, **numbers: int) -> None:
        super().__init__(code)
        self.code = code
        self.numbers = numbers


def decode_error(code: str, numbers: dict[str, int] | None = None) -> DecodeError:
    """The error for `code`; an unknown code or missing number reads as a crashed decoder."""
    reason = REASONS.get(code)
    if reason is None:
        return decode_error("decoder-crashed")
    try:
        sentence = reason.sentence.format(**(numbers or {}))
    except (KeyError, IndexError):
        return decode_error("decoder-crashed")
    return DecodeError(code, sentence, reason.disposition)
