"""Fields of forms and cards: what stands behind or below "Name" is a name, whoever's it is.

A recogniser of names sees a word that it does not know; a form says what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval.redaction.image import label_words as words
from retrieval.redaction.image.script import Mark
from retrieval.redaction.image.shapes import NUMBER
from retrieval.redaction.placeholders import FILLER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from retrieval.redaction.base import Profile
    from retrieval.redaction.image.layout import Placed, Sheet

SCORE: Final = 0.6
RECOGNIZER: Final = "label"

# The first that fits names the field, so the more specific ones come first.
_FIELDS: Final = (
    ("EMAIL_ADDRESS", words.EMAIL),
    ("MEDICAL_RECORD", words.MEDICAL),
    ("USERNAME", words.USER),
    ("PASSWORD", words.HIDDEN),
    ("DATE_OF_BIRTH", words.BIRTH),
    ("PERSON", words.PERSON),
    ("ADDRESS", words.ADDRESS),
    ("PHONE_NUMBER", words.PHONE),
    ("CREDIT_CARD", words.CARD),
    ("IBAN_CODE", words.IBAN),
    ("US_BANK_NUMBER", words.ACCOUNT),
    (NUMBER, words.NUMBER),
)
# A label, then a colon or a wide gap, then the value; or the label alone.
_END: Final = (
    r"\.?\s*(?:no\.?|number|#|nr\.?|n[º°])?\s*\*?\s*"
    r"(?:[:;\uff1a]|\s[-\u2013\u2014]\s|$|\s{2,}|#)"
)
_LABELS: Final = tuple(
    (kind, re.compile(rf"^[\s\W\d]{{0,4}}(?:{label}){_END}", re.IGNORECASE))
    for kind, label in _FIELDS
)
_NUMERIC: Final = frozenset(
    {"PHONE_NUMBER", "CREDIT_CARD", "US_BANK_NUMBER", NUMBER, "MEDICAL_RECORD", "DATE_OF_BIRTH"}
)
_BELOW: Final = 2.2
_RIGHT: Final = 14.0
_MAX_VALUE: Final = 80


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a labelled field."""

    kind: str
    mark: Mark


def fields(sheet: Sheet, texts: Sequence[str], profile: Profile) -> Iterator[Field]:
    """Values of the fields whose kinds the profile takes out, one a line that they stand on."""
    wanted = frozenset(profile.kinds)
    flat = [(place, row) for row in sheet.rows for place in row]
    for placed, row in flat:
        text = texts[placed.index]
        kind, end = _label(text)
        if kind not in wanted:
            continue
        begins = placed.left
        if text[end:].strip():
            value = Mark(placed.index, end, len(text))
            begins += (placed.right - placed.left) * end / len(text)
        else:
            other = _right(placed, row) or _below(placed, flat)
            if other is None:
                continue
            value = Mark(other.index, 0, len(texts[other.index]))
            begins = other.left
        content = texts[value.line][value.start : value.end]
        if _plausible(kind, content):
            yield Field(kind, value)
            if kind == "ADDRESS":
                yield from _more_lines(value.line, begins, flat, texts)


def _label(text: str) -> tuple[str, int]:
    """The kind that a line's label announces and where the label ends; no kind if there is none."""
    for kind, pattern in _LABELS:
        match = pattern.match(text)
        if match:
            return kind, match.end()
    return "", 0


def _plausible(kind: str, content: str) -> bool:
    if len(content) > _MAX_VALUE or FILLER in content or _label(content)[0]:
        return False
    if kind in _NUMERIC:
        return any(char.isdigit() for char in content)
    return sum(char.isalpha() for char in content) > 1


def _right(placed: Placed, row: Sequence[Placed]) -> Placed | None:
    behind = [
        other
        for other in row
        if other.index != placed.index and other.left > placed.right - placed.height
    ]
    nearest = min(behind, key=lambda other: other.left, default=None)
    if nearest is None or nearest.left - placed.right > _RIGHT * placed.height:
        return None
    return nearest


def _below(placed: Placed, flat: Sequence[tuple[Placed, Sequence[Placed]]]) -> Placed | None:
    under = [
        other
        for other, _ in flat
        if 0.4 * placed.height
        < other.middle - placed.middle
        < max(_BELOW * placed.height, 0.9 * other.height + placed.height)
        and other.left < placed.right
        and other.right > placed.left
        and abs(other.left - placed.left) < 4 * placed.height
    ]
    return min(under, key=lambda other: other.middle, default=None)


def _more_lines(
    first: int,
    begins: float,
    flat: Sequence[tuple[Placed, Sequence[Placed]]],
    texts: Sequence[str],
) -> Iterator[Field]:
    """The lines of an address below its first: as long as they start at ``begins`` as it does."""
    places = {placed.index: placed for placed, _ in flat}
    at = places[first]
    for _ in range(3):
        following = [
            other
            for other, _ in flat
            if 0.4 * at.height < other.middle - at.middle < 1.8 * at.height
            and abs(other.left - begins) < at.height
        ]
        after = min(following, key=lambda other: other.middle, default=None)
        if after is None or _label(texts[after.index])[0] or ":" in texts[after.index]:
            return
        yield Field("ADDRESS", Mark(after.index, 0, len(texts[after.index])))
        at = after
