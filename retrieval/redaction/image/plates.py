"""Licence plates in what was read: a line of its own, in capitals and digits.

Formats after the registration rules of the countries named beside them, and for the United States
after the states' current series.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Specific enough to count wherever they stand alone: United Kingdom since 2001, France and Italy.
_SPECIFIC: Final = re.compile(r"^(?:[A-Z]{2}\s?\d{2}\s?[A-Z]{3}|[A-Z]{2}[\s-]\d{3}[\s-][A-Z]{2})$")
# These and the American ones are also product numbers: they count where little else is written, as
# in a photograph of a car, or where vehicles are spoken of.
_EUROPEAN: Final = re.compile(
    r"""^(?:
        [A-ZÄÖÜ]{1,3}[\s:•·-]{1,3}[A-Z]{1,2}[\s-]?\d{1,4}[EH]?   # Germany
      | \d{4}\s?[BCDFGHJKLMNPRSTVWXYZ]{3}                # Spain
      | [A-Z]{2}[\s-]?\d{2}[\s-]?[A-Z]{2}                # Portugal
      | \d-[A-Z]{3}-\d{3}                                # Belgium
      | [A-Z]{1,3}[\s-]\d{2,3}[\s-][A-Z]{1,2}            # Netherlands
      | [A-Z]{2,3}[\s-]\d{4,5}                           # Poland, Denmark
      | [A-Z]{3}[\s-]\d{2}[A-Z\d]                        # Sweden, Finland
      | ZH\s?\d{3,6}                                     # Switzerland (Zurich)
    )$""",
    re.VERBOSE,
)
_AMERICAN: Final = re.compile(
    r"^(?:[A-Z]{3}[\s•·-]?\d{3,4}|\d[A-Z]{3}\d{3}|\d{3}[\s•·-]?[A-Z]{3}|[A-Z]\d{2}[\s-]?\d?[A-Z]{3}"
    r"|[A-Z]{2,3}[\s•·-]?\d{2,4}[A-Z]?)$"
)
_CONTEXT: Final = re.compile(
    r"\b(?:licen[cs]e plate|number ?plate|plate|registration|vehicle|car reg|kennzeichen"
    r"|immatriculation|matr[ií]cula|targa|kenteken|vin)\b",
    re.IGNORECASE,
)
_FEW_LINES: Final = 6
_MIN_LENGTH: Final = 5
_MAX_LENGTH: Final = 12
_NOISE: Final = re.compile(r"^[\W_]+|[\W_]+$")


def plates(texts: Sequence[str]) -> list[int]:
    """Indices of the lines of a picture that are licence plates."""
    vehicle = any(_CONTEXT.search(text) for text in texts)
    # A photograph's few words, rather than a page.
    loose = vehicle or sum(len(text) > 1 for text in texts) <= _FEW_LINES
    return [index for index, text in enumerate(texts) if _is_plate(text, loose=loose)]


def _is_plate(text: str, *, loose: bool) -> bool:
    bare = _NOISE.sub("", text)
    if not _MIN_LENGTH <= len(bare) <= _MAX_LENGTH or not re.search(r"\d", bare):
        return False
    if _SPECIFIC.match(bare):
        return True
    return loose and bool(_EUROPEAN.match(bare) or _AMERICAN.match(bare))
