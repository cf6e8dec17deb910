"""How telephone numbers are written, and what is written alike."""

from __future__ import annotations

import re
from typing import Final

FEW_DIGITS: Final = 8
# Years, and times of day without a colon: 2010-2014, 0700-1900.
YEARS: Final = re.compile(
    r"\(?(?:1[5-9]|20)\d\d[ \-/](?:1[5-9]|20)\d\d|(?:[01]\d|2[0-3])[0-5]\d-(?:[01]\d"
    r"|2[0-3])[0-5]\d$"
)
# Hungary and Lithuania dial 06 and 8 before national numbers.
HUNGARIAN: Final = re.compile(
    r"06\d{8,9}|\(?0?8[ \-]?\(?\d{2,3}\)?[ \-]?\d{5,6}|\(?06 ?\d{1,2}\)? ?\d{3} ?\d{3,4}"
    r"|\(06 1\) \d{3} \d{4}"
)
_NO_DIGIT_NEAR: Final = r"(?<![^\W_])(?<!\d\.)(?<!\+)"
# Groups parted by blanks, hyphens, slashes and brackets, or all by dots: "1.23 4.56" is a table.
CANDIDATE: Final = re.compile(
    _NO_DIGIT_NEAR
    + r"(?:\+ ?\(?|\()?\d(?:[ ()/\-]{0,3}\d){6,24}(?!\d|[A-WYZa-wyz])|"
    + _NO_DIGIT_NEAR
    + r"\+?\d{1,4}(?:\.\d{2,4}){2,6}(?![\d.])"
)
GROUP: Final = re.compile(r"(?:\+ ?\(?|\()?\d+")
DATE: Final = re.compile(r"\(?(?:19|20)\d\d([-/.])\d\d?\1\d\d?")
THOUSANDS: Final = re.compile(r"\d,\d{3}(?!\d)")
EXTENSION: Final = re.compile(r" ?(?:x|ext\.?|extension|#) ?\d{1,6}\b", re.IGNORECASE)
NANP: Final = re.compile(r"(?:1[ .\-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .\-/])[2-9]\d\d[ .\-]\d{4}")
DAY_FIRST: Final = re.compile(r"0\d([-/. ])[01]?\d\1(?:19|20)?\d\d")
_BRACKETED: Final = re.compile(r"\(\d{2,5}\)[ /\-]{0,2}\d{3}")
_SOME_GROUPS: Final = re.compile(r"\d{2,6}(?:[ /\-]{1,3}\d{2,8}){1,4}|\d{3,5}(?:\.\d{2,4}){2,4}")
_AMERICAN: Final = re.compile(
    r"(?:1[ .\-]?)?(?:\(\d{3}\) ?|\d{3}[ .\-/])\d{3}[ .\-]\d{4}|[2-9]\d\d[2-9]\d{6}"
    r"|\d{2} \d{4,5}-\d{4}|00\d[.\-]\d{3}[.\-]\d{3}[.\-]\d{4}"
)


def dialled(number: str) -> bool:
    """Whether a number is written as only telephone numbers are, though it is valid nowhere.

    An area code in brackets, a leading 0 and groups, the groups of North America or Brazil, ten
    figures as there.
    """
    digits = re.sub(r"\D", "", number)
    if len(digits) < FEW_DIGITS:
        return False
    bracketed = _BRACKETED.match(number) is not None
    grouped = digits.startswith("0") and _SOME_GROUPS.fullmatch(number) is not None
    return bracketed or grouped or _AMERICAN.fullmatch(number) is not None
