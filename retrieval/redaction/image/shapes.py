"""Identifiers by their shape alone: in what was read from a picture checksums no longer hold.

One misread digit breaks Luhn's sum and the number stays legible to people, so that here what is
shaped like a card number is one. Prose has few runs of nine digits; forms and cards have them where
somebody is identified.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.base import Profile

SCORE: Final = 0.5
RECOGNIZER: Final = "shape"
NUMBER: Final = "ID_NUMBER"

_EMAIL: Final = re.compile(r"[\w.+%-]*\w@\w[\w-]*(?:\s?[.,]\s?\w[\w-]*)+|[\w.+%-]*\w@\w[\w.,-]{2,}")
_IBAN: Final = re.compile(r"\b[A-Z]{2}\s?\d{2}(?:[\s-]?[A-Z0-9]{4}){2,7}(?:[\s-]?[A-Z0-9]{1,4})?\b")
_RUN: Final = re.compile(r"(?<![\w])[+(]?\d(?:[ \t\-./()]{0,2}\d){6,24}(?![\w%])")
_SSN: Final = re.compile(r"^\d{3}[- ]\d{2}[- ]\d{4}$")
_PHONE: Final = re.compile(r"^(?:\+|\(|00|0\d)")
_DATES: Final = re.compile(
    r"\b(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2})\b"
)
# The machine-readable zone of passports and identity cards (ICAO 9303): fillers between fields.
_ZONE: Final = re.compile(r"^[^\n]*[A-Z0-9<][<«]{2,}[^\n]*$", re.MULTILINE)
_CARD_DIGITS: Final = range(13, 20)
_NUMBER_DIGITS: Final = 9
_PHONE_DIGITS: Final = range(7, 16)


@dataclass(frozen=True, slots=True)
class Shape:
    """Characters ``start:end`` look like a ``kind``."""

    kind: str
    start: int
    end: int


def shapes(text: str, profile: Profile) -> Iterator[Shape]:
    """What of the profile's kinds is to be seen in ``text``, which came from a picture."""
    wanted = frozenset(profile.kinds)
    for kind, pattern in (("EMAIL_ADDRESS", _EMAIL), ("IBAN_CODE", _IBAN)):
        if kind in wanted:
            for match in pattern.finditer(text):
                yield Shape(kind, *match.span())
    zone = next((kind for kind in sorted(wanted) if "PASSPORT" in kind), None)
    if zone is not None:
        for match in _ZONE.finditer(text):
            yield Shape(zone, *match.span())
    undated = _DATES.sub(lambda match: "\u2588" * len(match[0]), text)
    for match in _RUN.finditer(undated):
        kind = _kind(match[0])
        if kind in wanted:
            yield Shape(kind, *match.span())


def _kind(run: str) -> str:
    """What a run of digits looks like; empty if like nothing personal."""
    count = sum(map(str.isdigit, run))
    if _SSN.match(run):
        return "US_SSN"
    if _PHONE.match(run) and count in _PHONE_DIGITS:
        return "PHONE_NUMBER"
    if count in _CARD_DIGITS:
        return "CREDIT_CARD"
    return NUMBER if count >= _NUMBER_DIGITS else ""
