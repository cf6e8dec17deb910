"""Germany, Austria, Switzerland and Liechtenstein."""

from __future__ import annotations

import re
from typing import Final

from stdnum.at import tin, vnr
from stdnum.ch import ssn
from stdnum.de import idnr, stnr

from retrieval.redaction.recognizers.digits import FAIR, STRONG, WEAK, DigitId, dated
from retrieval.redaction.recognizers.frame import B, E, code

_SVNR: Final = (
    "svnr",
    "sozialversicherung",
    "sozialversicherungsnummer",
    "versicherungsnummer",
    "sv nummer",
)


def _at_vnr(digits: str) -> bool:
    return vnr.is_valid(digits) and _at_month(digits)


def _at_month(digits: str) -> bool:
    """Day and month; months 13 to 15 are given when a day's numbers have run out."""
    return 1 <= int(digits[4:6]) <= 31 and 1 <= int(digits[6:8]) <= 15  # noqa: PLR2004


DIGITS: Final = (
    DigitId(
        kind="DE_TAX_ID",
        forms=("2-3-3-3", "3-3-3-2", "3-4-4", "11"),
        check=idnr.is_valid,
        scores=(0.7, 0.8, 0.5),
        words=(
            "steuer id",
            "steueridentifikationsnummer",
            "steuerliche identifikationsnummer",
            "idnr",
            "steuernummer",
            "tax id",
            "tin",
            "steuer",
        ),
    ),
    DigitId(
        kind="DE_TAX_NUMBER",
        forms=("2-3-5", "3-3-5", "3-4-4", "10", "11", "13", "5-3-5"),
        check=stnr.is_valid,
        scores=WEAK,
        words=("steuernummer", "st nr", "steuer nr", "tax number", "finanzamt"),
    ),
    DigitId(
        kind="AT_SVNR",
        forms=("4-6", "4-2-2-2", "3-1-6", "4-2-4"),
        check=_at_vnr,
        scores=STRONG,
        words=_SVNR,
    ),
    DigitId(
        kind="AT_TAX_NUMBER",
        forms=("2-3-4", "2-7", "9"),
        check=tin.is_valid,
        scores=WEAK,
        words=("steuernummer", "abgabenkontonummer", "finanzamt"),
    ),
    DigitId(
        kind="CH_AHV",
        forms=("3-4-4-2", "13"),
        check=ssn.is_valid,
        scores=STRONG,
        words=("ahv", "avs", "ahv nummer", "sozialversicherungsnummer", "navs"),
    ),
    # The number of the card: issuer 80756, Luhn (Swiss ordinance 832.105.1).
    DigitId(
        kind="CH_HEALTH_CARD",
        forms=("20", "5-5-5-5", "4-4-4-4-4"),
        check=lambda digits: digits.startswith("80756"),
        scores=FAIR,
        words=("versichertenkarte", "carte d assure", "krankenkasse", "health card"),
    ),
)

_ICAO: Final = {str(d): d for d in range(10)} | {chr(65 + i): 10 + i for i in range(26)}
_WEIGHTS: Final = (7, 3, 1)
_SVNR_WEIGHTS: Final = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
_LEAST_DIGITS: Final = 3


def icao_check(value: str) -> int:
    """Check digit of a machine-readable field (ICAO Doc 9303, part 3, section 4.9)."""
    return sum(_ICAO.get(c, 0) * _WEIGHTS[i % 3] for i, c in enumerate(value)) % 10


def _document(value: str) -> float:
    """Serial numbers of identity cards and passports, with their check digit or without."""
    if sum(map(str.isdigit, value)) < _LEAST_DIGITS or value.isdigit():
        return 0.0
    if len(value) == 10:  # noqa: PLR2004 - nine characters and their check digit
        return 0.75 if icao_check(value[:9]) == int(value[9]) else 0.0
    return 0.4


def _pension(value: str) -> bool:
    """Check digit of the pension insurance number (VKVV, section 4)."""
    plain = re.sub(r"[^0-9A-Z]", "", value.upper())
    digits = plain[:8] + f"{ord(plain[8]) - 64:02d}" + plain[9:11]
    products = (int(d) * w for d, w in zip(digits, _SVNR_WEIGHTS, strict=True))
    return sum(p // 10 + p % 10 for p in products) % 10 == int(plain[11])


def _health(value: str) -> bool:
    """Check digit of the health insurance number: Luhn over the letter's place and eight digits."""
    plain = value.replace(" ", "").upper()
    digits = f"{ord(plain[0]) - 64:02d}" + plain[1:9]
    products = (int(d) * (1 + i % 2) for i, d in enumerate(digits))
    return sum(p // 10 + p % 10 for p in products) % 10 == int(plain[9])


PATTERNS: Final = (
    code(
        "DE_SOCIAL_SECURITY",
        rf"{B}\d\d[ \-]?(?:\d\d ?\d\d ?\d\d|\d{{6}})[ \-]?[A-Za-z][ \-]?\d\d ?\d{E}",
        0.9,
        lambda value: _pension(value) and dated(re.sub(r"\D", "", value)[2:8]),
    ),
    code("DE_SOCIAL_SECURITY", rf"{B}\d\d ?\d{{6}} ?[A-Z] ?\d{{3}}{E}", 0.25),
    code("DE_HEALTH_INSURANCE", rf"{B}[A-Za-z] ?\d{{3}} ?\d{{3}} ?\d{{3}}{E}", 0.75, _health),
    code("DE_HEALTH_INSURANCE", rf"{B}[A-Z]\d{{9}}{E}", 0.2),
    code("DE_ID_CARD", rf"{B}[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{{8}}\d?{E}", 0.4, _document),
    code("DE_ID_CARD", rf"{B}T\d{{8}}\d?{E}", 0.3),
    code("DE_PASSPORT", rf"{B}[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{{8}}{E}", 0.1),
    # Four characters for the office, six for the person, a check character, a count.
    code(
        "DE_FUEHRERSCHEIN",
        (rf"{B}[A-Z]\d{{2}}[A-Z0-9]{{7}}\d{E}|{B}[A-Z]{{2}}\d{{8}}[A-Z0-9]{E}"),
        0.2,
    ),
    code("AT_PASSPORT", rf"{B}[A-Z] ?\d{{7}}{E}", 0.1),
    code("CH_PASSPORT", rf"{B}[A-Z]\d{{7}}{E}", 0.1),
)
_ID_WORDS: Final = (
    "personalausweis",
    "ausweisnummer",
    "ausweis",
    "identity card",
    "id card",
    "personalausweisnummer",
)
_PASS_WORDS: Final = ("reisepass", "passnummer", "pass", "passport", "passnr")
WORDS: Final = {
    "DE_SOCIAL_SECURITY": (
        "rentenversicherung",
        "sozialversicherung",
        "versicherungsnummer",
        "rvnr",
        "svnr",
        "rente",
    ),
    "DE_HEALTH_INSURANCE": (
        "krankenversicherung",
        "krankenkasse",
        "versichertennummer",
        "kvnr",
        "gesundheitskarte",
    ),
    "DE_ID_CARD": _ID_WORDS,
    "DE_PASSPORT": _PASS_WORDS,
    "DE_FUEHRERSCHEIN": (
        "fuehrerschein",
        "führerschein",
        "fahrerlaubnis",
        "driving licence",
        "führerscheinnummer",
    ),
    "AT_PASSPORT": _PASS_WORDS,
    "CH_PASSPORT": (*_PASS_WORDS, "passeport", "passaporto"),
}
