"""Offsets in a text file as it was sent, from offsets in its tidied text."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from retrieval.redaction.base import Finding

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The longest run of characters that the decoder drops or composes at one place.
_MAX_MARKS: Final = 4
_LINE_ENDS: Final = frozenset("\r\n\x0b\x0c\x85\u2028\u2029")


def original_text(data: bytes) -> str:
    """The characters of a text file with nothing tidied.

    A UTF-8 byte order mark stays one character.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def in_original(
    findings: Sequence[Finding], *, tidied: str, original: str
) -> tuple[Finding, ...] | None:
    """``findings`` with offsets into ``original``.

    None where the two texts cannot be brought together.

    The decoder drops characters (carriage returns, control characters, white space at line ends,
    surplus empty lines) and composes accents, and keeps the order of the rest.
    """
    if original == tidied:
        return tuple(findings)
    places = _places(tidied, original)
    if places is None:
        return None
    return tuple(
        replace(finding, start=places[finding.start], end=places[finding.end - 1] + 1)
        for finding in findings
    )


def _places(tidied: str, original: str) -> list[int] | None:
    """For every character of ``tidied`` the index of its last character in ``original``."""
    places: list[int] = []
    at = 0
    for char in tidied:
        while True:
            if at >= len(original):
                return None
            taken = _taken(original, at, char)
            if taken:
                break
            at += 1
        at += taken
        places.append(at - 1)
    return places


def _taken(original: str, at: int, char: str) -> int:
    """How many characters from ``at`` stand for ``char``; 0 if they do not."""
    here = original[at]
    if here == char:
        return 1
    if char == "\n" and here in _LINE_ENDS:
        return 1
    if char.isascii():
        return 0
    for more in range(_MAX_MARKS):
        # Control characters between a letter and its accent are dropped before they are composed.
        piece = "".join(c for c in original[at : at + 1 + more] if unicodedata.category(c) != "Cc")
        if unicodedata.normalize("NFC", piece) == char:
            return 1 + more
    return 0
