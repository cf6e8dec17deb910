"""Spain and Portugal."""

from __future__ import annotations

import re
from typing import Final

from stdnum.es import dni, nie
from stdnum.pt import cc, nif

from retrieval.redaction.recognizers.digits import FAIR, STRONG, DigitId, number, weighted
from retrieval.redaction.recognizers.frame import B, E, code

_NISS_PRIMES: Final = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
_MODULUS: Final = 97


def _nss(digits: str) -> bool:
    """Spanish social security: the rest modulo 97; a short serial is added, a long one joined.

    Tesorería General de la Seguridad Social, as described in BOE.
    """
    serial = digits[2:10]
    body = int(digits[:2]) * 10_000_000 + int(serial) if serial[0] == "0" else int(digits[:10])
    return body % _MODULUS == int(digits[10:]) or int(digits[:10]) % _MODULUS == int(digits[10:])


def _niss(digits: str) -> bool:
    """Portuguese social security: weighted primes, 9 less the rest modulo 10 (Segurança Social)."""
    return digits[0] in "12" and 9 - weighted(digits, _NISS_PRIMES, 10) == int(digits[10])


DIGITS: Final = (
    DigitId(
        kind="ES_NSS",
        forms=("2-8-2", "2-10", "12", "2-7-3", "4-4-4"),
        check=_nss,
        scores=STRONG,
        words=("seguridad social", "nuss", "nss", "afiliación", "naf"),
    ),
    DigitId(
        kind="PT_NIF",
        forms=("3-3-3",),
        check=number(nif.is_valid),
        scores=FAIR,
        words=("nif", "contribuinte", "número fiscal", "tax id", "contribuintes"),
    ),
    DigitId(
        kind="PT_NISS",
        forms=("3-4-4", "11", "3-3-3-2"),
        check=_niss,
        scores=FAIR,
        words=("niss", "segurança social", "seguranca social"),
    ),
)


def _plain(value: str) -> str:
    return re.sub(r"[ .\-]", "", value).upper()


PATTERNS: Final = (
    code(
        "ES_NIF",
        rf"{B}(?:\d{{2}}[. ]?\d{{3}}[. ]?\d{{3}}|\d{{8}})[ .\-]?[A-HJ-NP-TV-Z]{E}",
        0.9,
        lambda value: dni.is_valid(_plain(value)),
        ignore_case=True,
    ),
    # Written without its leading zero.
    code(
        "ES_NIF",
        rf"{B}\d{{7}}[ \-]?[A-HJ-NP-TV-Z]{E}",
        0.4,
        lambda value: dni.is_valid("0" + _plain(value)),
    ),
    code(
        "ES_NIE",
        rf"{B}[XYZ][ .\-]?(?:\d{{7}}|\d[. ]\d{{3}}[. ]\d{{3}})[ .\-]?[A-HJ-NP-TV-Z]{E}",
        0.9,
        lambda value: nie.is_valid(_plain(value)),
        ignore_case=True,
    ),
    code("ES_PASSPORT", rf"{B}[A-Z]{{2,3}}\d{{6}}{E}", 0.1),
    # The citizen's card: eight figures and a check digit, two characters and a check digit.
    code(
        "PT_CITIZEN_CARD",
        rf"{B}\d{{8}}[ \-]?\d[ \-]?[A-Z0-9]{{2}}[ \-]?\d{E}",
        0.85,
        lambda value: cc.is_valid(_plain(value)),
        ignore_case=True,
    ),
)
WORDS: Final = {
    "ES_NIF": ("dni", "nif", "documento nacional", "identidad"),
    "ES_NIE": ("nie", "extranjero", "número de identidad"),
    "ES_PASSPORT": ("pasaporte", "passport"),
    "PT_CITIZEN_CARD": ("cartão de cidadão", "cidadão", "bilhete de identidade", "citizen card"),
}
