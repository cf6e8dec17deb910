"""Payment cards of every issuer range in use, also those that Presidio's pattern leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from retrieval.redaction.recognizers.digits import luhn, runs
from retrieval.redaction.recognizers.frame import Recognizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.recognizers.digits import Run
    from retrieval.redaction.recognizers.frame import Span

_KIND: Final = "CREDIT_CARD"
# ISO/IEC 7812: up to 19 digits, the last a Luhn check digit.
_MIN_DIGITS: Final = 12
_MAX_DIGITS: Final = 19
_USUAL: Final = frozenset({15, 16})
_SURE: Final = 1.0
# In groups of one or two figures a row of numbers may pass by chance.
_ODD: Final = 0.6
_FEWEST_A_GROUP: Final = 3
# One of range and check digit alone: one number in ten has a fitting digit.
_WEAK: Final = 0.1
# In an issuer's range and grouped as on the card, though the check digit is wrong.
_MISTYPED: Final = 0.45
_EMBOSSED: Final = frozenset({(4, 4, 4, 4), (4, 6, 5)})
# Ranges and lengths by issuer (Wikipedia, "Payment card number", issuer identification number
# table): Visa; Mastercard; American Express; Discover and UnionPay; JCB; Diners; Mir; Maestro at
# the length of other cards.
_ISSUED: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}"
    r"|6(?:011|22\d|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|81\d{14,17}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}|(?:2131|1800)\d{11}"
    r"|3(?:0[0-5]|09|[689]\d)\d{11,16}"
    r"|220[0-4]\d{12,15}"
    r"|(?:50|5[6-9]|6\d)\d{14,17}"
    # Maestro of twelve and thirteen digits is still printed.
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,9}"
)


class CardRecognizer(Recognizer):
    """Numbers in an issuer's range whose check digit fits; with one of the two, beside a word."""

    needs = "digit"
    CONTEXT = (
        "credit",
        "card",
        "cards",
        "visa",
        "mastercard",
        "cc",
        "amex",
        "discover",
        "jcb",
        "diners",
        "maestro",
        "kreditkarte",
        "karte",
        "carte",
        "tarjeta",
        "carta",
        "pan",
        "kartennummer",
    )

    def __init__(self) -> None:
        """Take our context words."""
        super().__init__(_KIND, words={_KIND: self.CONTEXT})

    def spans(self, text: str) -> Iterator[Span]:
        """Every stretch of groups within a run of digits: a house number or a date may stand by."""
        for run in runs(text, _MIN_DIGITS):
            yield from _cards(text, run)


def _cards(text: str, run: Run) -> Iterator[Span]:
    groups = run.groups
    for first, (start, _) in enumerate(groups):
        glued = first == 0 and not run.open_left
        if first and text[start - 1] == ".":
            continue
        digits = ""
        for last in range(first, len(groups)):
            begin, end = groups[last]
            digits += text[begin:end]
            if len(digits) > _MAX_DIGITS:
                break
            inside = last + 1 < len(groups)
            if len(digits) < _MIN_DIGITS:
                continue
            # Between letters: only a whole number, and only of the usual lengths.
            glued = glued or not (inside or run.open_right)
            if glued and (inside or first or len(digits) not in _USUAL):
                continue
            if (inside and text[end] == ".") or text[start:end].count(".") == 1:
                continue  # a decimal fraction
            sizes = tuple(b - a for a, b in groups[first : last + 1])
            score = _score(digits, sizes)
            if score and not (glued and score < _SURE):
                yield _KIND, start, end, score


def _score(digits: str, sizes: tuple[int, ...]) -> float:
    checked, issued = luhn(digits), _ISSUED.fullmatch(digits) is not None
    if checked and issued:
        return _SURE if len(digits) >= _FEWEST_A_GROUP * len(sizes) else _ODD
    if issued and sizes in _EMBOSSED:
        return _MISTYPED
    # A mistyped card beside the word "card" is still somebody's.
    return _WEAK if checked or issued else 0.0
