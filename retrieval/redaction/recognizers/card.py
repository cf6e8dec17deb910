"""Payment cards of every issuer range in use, also those that Presidio's pattern leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from presidio_analyzer import LocalRecognizer, RecognizerResult

# Digits in groups, parted by single blanks or hyphens. The run may hold more than the card: a house
# number before it, a date of expiry behind it.
_RUN: Final = re.compile(r"(?<![\w.,])\d(?:[ \-]?\d){11,60}(?!\w|[.,]\d)")
_GROUP: Final = re.compile(r"\d+")
# ISO/IEC 7812: up to 19 digits, the last a Luhn check digit.
_MIN_DIGITS: Final = 12
_MAX_DIGITS: Final = 19
_SURE: Final = 1.0
# One of range and check digit alone: one number in ten has a fitting digit.
_WEAK: Final = 0.1
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
)


class CardRecognizer(LocalRecognizer):
    """Numbers in an issuer's range whose check digit fits; with one of the two, beside a word."""

    CONTEXT = [
        "credit", "card", "visa", "mastercard", "cc", "amex", "discover", "jcb", "diners",
        "maestro", "kreditkarte", "karte", "carte", "tarjeta", "carta",
    ]  # fmt: skip

    def __init__(self) -> None:
        """Take our context words."""
        super().__init__(
            supported_entities=["CREDIT_CARD"], supported_language="en", context=self.CONTEXT
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: object = None,
    ) -> list[RecognizerResult]:
        """One result for every number."""
        del entities, nlp_artifacts
        return [
            RecognizerResult(
                entity_type="CREDIT_CARD",
                start=run.start() + start,
                end=run.start() + end,
                score=score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: type(self).__name__,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for run in _RUN.finditer(text)
            for start, end, score in _cards(run[0])
        ]


def _cards(run: str) -> Iterator[tuple[int, int, float]]:
    """Start, end and score of every number within a run that begins and ends with a group."""
    groups = [match.span() for match in _GROUP.finditer(run)]
    for first, (start, _) in enumerate(groups):
        digits = ""
        for begin, end in groups[first:]:
            digits += run[begin:end]
            if len(digits) > _MAX_DIGITS:
                break
            if len(digits) >= _MIN_DIGITS:
                score = _score(digits)
                if score:
                    yield start, end, score


def _score(digits: str) -> float:
    checked, issued = _luhn(digits), _ISSUED.fullmatch(digits) is not None
    if checked and issued:
        return _SURE
    # A mistyped card beside the word "card" is still somebody's.
    return _WEAK if checked or issued else 0.0


def _luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
