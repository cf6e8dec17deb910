"""Italy and San Marino."""

from __future__ import annotations

import re
from typing import Final

from stdnum.it import codicefiscale, iva

from retrieval.redaction.recognizers.digits import DigitId
from retrieval.redaction.recognizers.frame import B, E, code

DIGITS: Final = (
    DigitId(
        kind="IT_VAT_CODE",
        forms=("11",),
        check=iva.is_valid,
        scores=(0.3, 0.0, 0.0),
        words=("partita iva", "p iva", "piva", "vat", "codice fiscale"),
    ),
)


def _code(value: str) -> bool:
    return codicefiscale.is_valid(re.sub(r"[ .\-]", "", value).upper())


# Six letters, year, month, day, place, check letter; letters L to V may stand for figures of
# homonyms (D.M. 23/12/1976).
_N: Final = "[0-9LMNP-V]"
PATTERNS: Final = (
    code(
        "IT_FISCAL_CODE",
        (
            rf"{B}[A-Z]{{3}}[ .\-]?[A-Z]{{3}}[ .\-]?{_N}{{2}}[ .\-]?[A-EHLMPRST][ .\-]?{_N}{{2}}"
            rf"[ .\-]?[A-Z]{_N}{{3}}[ .\-]?[A-Z]{E}"
        ),
        0.95,
        _code,
        ignore_case=True,
    ),
    code(
        "IT_FISCAL_CODE",
        rf"{B}[A-Z]{{6}}\d\d[A-EHLMPRST]\d\d[A-Z]\d{{3}}[A-Z]{E}",
        0.5,
        ignore_case=True,
    ),
    code(
        "IT_IDENTITY_CARD",
        (rf"{B}(?:[A-Z]{{2}} ?\d{{7}}|\d{{7}}[A-Z]{{2}}|[A-Z]{{2}}\d{{5}}[A-Z]{{2}}){E}"),
        0.1,
    ),
    code("IT_IDENTITY_CARD", rf"{B}C[A-Z]\d{{5}}[A-Z]{{2}}{E}", 0.4),
    code("IT_PASSPORT", rf"{B}[A-Z]{{2}}\d{{7}}{E}", 0.1),
    code("IT_DRIVER_LICENSE", rf"{B}(?:[A-Z]{{2}}\d{{7}}[A-Z]|U1[B-HJ-NP-Z0-9]{{7}}[A-Z]){E}", 0.4),
)
WORDS: Final = {
    "IT_FISCAL_CODE": ("codice fiscale", "cod fisc", "tax code", "fiscale"),
    "IT_IDENTITY_CARD": (
        "carta d identità",
        "carta identità",
        "identità",
        "documento",
        "cie",
        "identity card",
    ),
    "IT_PASSPORT": ("passaporto", "passport"),
    "IT_DRIVER_LICENSE": ("patente", "driving licence", "licenza"),
}
