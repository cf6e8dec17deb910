"""National numbers that Presidio has no recogniser for."""

from __future__ import annotations

import re
from typing import Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from presidio_analyzer import Pattern, PatternRecognizer


class NirRecognizer(PatternRecognizer):
    """French social security numbers (NIR): 13 characters and a key of two digits.

    The key is 97 minus the number modulo 97, with 2A and 2B (Corsica) counted as 19 and 18 (INSEE,
    décret 82-103).
    """

    def __init__(self) -> None:
        """Digits in the usual groups, or together."""
        pattern = r"\b[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d\b"
        super().__init__(
            supported_entity="FR_NIR",
            supported_language="en",
            patterns=[Pattern("nir", pattern, 0.4)],
        )

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the key fits."""
        digits = pattern_text.replace(" ", "").upper().replace("2A", "19").replace("2B", "18")
        modulus: Final = 97
        return modulus - int(digits[:13]) % modulus == int(digits[13:])


class BsnRecognizer(PatternRecognizer):
    """Dutch citizen service numbers.

    Nine digits that pass the eleven-test, beside a word that names them.

    The weights are 9 to 2 and -1 (Logisch Ontwerp BSN, section 2.1). One number in eleven passes,
    so it counts only with context.
    """

    def __init__(self) -> None:
        """Nine digits, with dots or not."""
        super().__init__(
            supported_entity="NL_BSN",
            supported_language="en",
            patterns=[Pattern("bsn", r"\b\d{3}[. ]?\d{3}[. ]?\d{3}\b", 0.1)],
            context=["bsn", "burgerservicenummer", "sofinummer", "citizen service number"],
        )

    def invalidate_result(self, pattern_text: str) -> bool:
        """Whether the eleven-test fails."""
        digits = [int(digit) for digit in re.sub(r"\D", "", pattern_text)]
        weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
        return sum(d * w for d, w in zip(digits, weights, strict=True)) % 11 != 0
