"""Sweden, Denmark, Norway, Finland, Iceland."""

from __future__ import annotations

import re
from typing import Final

from stdnum.fi import hetu
from stdnum.is_ import kennitala
from stdnum.no import fodselsnummer, kontonr

from retrieval.redaction.recognizers.digits import STRONG, DigitId, dated, luhn
from retrieval.redaction.recognizers.frame import B, E, code

# Coordination numbers have 60 added to the day (Skatteverket).
_COORDINATION: Final = 60
_SE_WORDS: Final = ("personnummer", "samordningsnummer", "personnr", "pnr", "social security")


def _swedish(digits: str) -> bool:
    short = digits[-10:]
    month, day = int(short[2:4]), int(short[4:6]) % _COORDINATION
    century = len(digits) == 10 or digits[:2] in {"18", "19", "20"}  # noqa: PLR2004
    return century and 1 <= month <= 12 and 1 <= day <= 31 and luhn(short)  # noqa: PLR2004


def _danish(digits: str) -> bool:
    """A date, day first; the check digit was given up in 2007."""
    return 1 <= int(digits[:2]) <= 31 and 1 <= int(digits[2:4]) <= 12  # noqa: PLR2004


def _finnish(value: str) -> bool:
    return hetu.is_valid(value.upper().replace(" ", ""), allow_temporary=True)


DIGITS: Final = (
    DigitId(
        kind="SE_PERSONNUMMER",
        forms=("6-4", "8-4", "10", "12", "2-2-2-4", "4-2-2-4"),
        check=_swedish,
        scores=STRONG,
        words=_SE_WORDS,
    ),
    DigitId(
        kind="DK_CPR",
        forms=("6-4", "10", "2-2-2-4"),
        check=_danish,
        scores=(0.45, 0.6, 0.0),
        words=("cpr", "cpr nummer", "personnummer", "cprnr"),
    ),
    DigitId(
        kind="NO_FODSELSNUMMER",
        forms=("6-5", "11", "2-2-2-5", "6-3-2"),
        check=fodselsnummer.is_valid,
        scores=STRONG,
        words=("fødselsnummer", "fodselsnummer", "personnummer", "d nummer", "fnr"),
    ),
    DigitId(
        kind="BANK_ACCOUNT",
        forms=("4-2-5",),
        check=kontonr.is_valid,
        scores=(0.3, 0.5, 0.0),
        words=("kontonummer", "konto", "account"),
    ),
    DigitId(
        kind="IS_KENNITALA",
        forms=("6-4",),
        check=lambda digits: dated(digits[:6]) and kennitala.is_valid(digits),
        scores=STRONG,
        words=("kennitala",),
    ),
)
# Since 2023 letters other than A tell the century too (Digital and Population Data Services
# Agency).
PATTERNS: Final = (
    code(
        "FI_PERSONAL_IDENTITY_CODE",
        rf"{B}\d{{6}}[+\-A-FU-Y]\d{{3}}[0-9A-FHJ-NPR-Y]{E}",
        0.95,
        _finnish,
        ignore_case=True,
    ),
    code(
        "SE_PERSONNUMMER",
        rf"{B}(?:\d\d)?\d{{6}}\+\d{{4}}{E}",
        0.95,
        lambda value: _swedish(re.sub(r"\D", "", value)),
    ),
)
WORDS: Final = {
    "FI_PERSONAL_IDENTITY_CODE": ("henkilötunnus", "hetu", "personbeteckning", "identity code"),
    "SE_PERSONNUMMER": _SE_WORDS,
}
