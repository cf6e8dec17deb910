"""United States: social security, taxpayer, provider, bank and passport numbers."""

from __future__ import annotations

import re
from typing import Final

from stdnum.us import itin, rtn

from retrieval.redaction.recognizers.digits import FAIR, WEAK, DigitId, luhn, number
from retrieval.redaction.recognizers.frame import B, E, code

_SSN: Final = ("ssn", "ssns", "social security", "soc sec", "ss number", "sozialversicherung")
_NEVER: Final = re.compile(r"000|\d{3}00|\d{5}0000")
_NOT_NOW: Final = re.compile(r"666|9\d\d")
# Health care provider numbers are Luhn numbers behind 80840 (45 CFR 162.406).
_NPI_PREFIX: Final = "80840"


def _written(digits: str) -> bool:
    """Any number that could be meant as one: the Administration never gives zeros in a group."""
    return _NEVER.match(digits) is None


def _issued(digits: str) -> bool:
    """Numbers that may have been given out (SSA, randomisation, 2011)."""
    return _written(digits) and _NOT_NOW.match(digits) is None


def _npi(digits: str) -> bool:
    return digits[0] in "12" and luhn(_NPI_PREFIX + digits)


def _dea(value: str) -> bool:
    digits = [int(d) for d in value[2:]]
    return (sum(digits[0:5:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


DIGITS: Final = (
    # Three, two, four is how nothing else is written.
    DigitId(
        kind="US_SSN", forms=("3-2-4",), check=number(_written), scores=(0.0, 0.85, 0.0), words=_SSN
    ),
    DigitId(
        kind="US_SSN",
        forms=("3-2-4", "3-3-3", "5-4"),
        check=number(_issued),
        scores=(0.4, 0.5, 0.3),
        words=_SSN,
    ),
    DigitId(kind="US_SSN", forms=("9",), check=lambda _: True, scores=WEAK, words=_SSN),
    DigitId(
        kind="US_ITIN",
        forms=("3-2-4",),
        check=itin.is_valid,
        scores=(0.4, 0.9, 0.4),
        words=("itin", "individual taxpayer", "taxpayer id", "tax id", "tin"),
    ),
    DigitId(
        kind="US_EIN",
        forms=("2-7",),
        check=lambda _: True,
        scores=(0.1, 0.3, 0.0),
        words=("ein", "employer identification", "federal tax", "tax id", "fein", "tin"),
    ),
    DigitId(kind="US_NPI", forms=("10", "4-3-3"), check=_npi, scores=FAIR, words=("npi",)),
    DigitId(
        kind="US_NPI",
        forms=("10",),
        check=lambda _: True,
        scores=WEAK,
        words=("npi", "national provider", "provider number", "provider id"),
    ),
    DigitId(
        kind="US_ROUTING_NUMBER",
        forms=("9",),
        check=rtn.is_valid,
        scores=WEAK,
        words=("routing", "aba", "rtn", "transit"),
    ),
    *(
        DigitId(
            kind="US_BANK_NUMBER",
            forms=(str(length),),
            check=lambda _: True,
            scores=(0.05, 0.0, 0.0),
            words=(
                "account",
                "acct",
                "bank",
                "checking",
                "savings",
                "konto",
                "kontonummer",
                "compte",
                "cuenta",
                "conto",
                "rekening",
                "debit",
            ),
        )
        for length in range(8, 18)
    ),
    *(
        DigitId(
            kind="US_DRIVER_LICENSE",
            forms=(str(length),),
            check=lambda _: True,
            scores=(0.05, 0.0, 0.0),
            words=("driver", "drivers", "driving licence", "driving license", "dl", "dl number"),
        )
        for length in range(8, 15)
    ),
)

PATTERNS: Final = (
    code("US_PASSPORT", rf"{B}(?:[A-Z]\d{{8}}|\d{{9}}){E}", 0.1),
    # What the states' forms have in common: letters and figures, mostly letters first.
    code(
        "US_DRIVER_LICENSE",
        (
            rf"{B}(?:[A-Z]{{1,3}}[ \-]?\d{{3,14}}(?:-\d{{2,6}}){{0,4}}[A-Z]{{0,2}}"
            rf"|\d{{3,9}}[A-Z]{{1,2}}|\d{{2}}[A-Z]{{2,3}}\d{{4,6}}){E}"
        ),
        0.1,
    ),
    # Registration numbers of the Drug Enforcement Administration: two letters, six digits, a check.
    code("MEDICAL_LICENSE", rf"{B}[A-HJ-MPRSTUX][A-Z9]\d{{7}}{E}", 0.5, _dea),
    # Medicare beneficiary identifiers: position by position (CMS, "Understanding the MBI").
    code(
        "US_MBI",
        rf"{B}[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
        rf"[AC-HJKMNP-RT-Y]{{2}}\d\d{E}",
        0.75,
    ),
)
WORDS: Final = {
    "MEDICAL_LICENSE": ("dea", "medical", "prescriber", "physician", "certificate"),
    "US_DRIVER_LICENSE": (
        "driver",
        "drivers",
        "driving",
        "license",
        "licence",
        "permit",
        "dl",
        "cdl",
        "dmv",
    ),
    "US_PASSPORT": ("passport", "passports", "reisepass", "passeport", "pasaporte", "passaporto"),
    "US_MBI": ("medicare", "mbi", "beneficiary"),
}
