"""Payment cards of every issuer range in use, also those that Presidio's pattern leaves out."""

from __future__ import annotations

import re
from typing import Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from presidio_analyzer import Pattern
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer

# ISO/IEC 7812: up to 19 digits, the last a Luhn check digit.
_NUMBER: Final = r"(?<![\w.,])\d(?:[ \-]?\d){11,18}(?!\w|[.,]\d)"
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


class CardRecognizer(CreditCardRecognizer):
    """Numbers in an issuer's range whose check digit fits; with one of the two, beside a word."""

    PATTERNS = [Pattern("card", _NUMBER, 0.1)]

    def validate_result(self, pattern_text: str) -> bool | None:  # type: ignore[override] # PatternRecognizer allows None
        """True for both, undecided for one of range and check digit, else False."""
        digits = re.sub(r"\D", "", pattern_text)
        checked = super().validate_result(digits)
        issued = _ISSUED.fullmatch(digits) is not None
        if checked and issued:
            return True
        # A mistyped card beside the word "card" is still somebody's.
        return None if checked or issued else False
