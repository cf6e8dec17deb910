"""Poland, Czechia, Slovakia, Hungary and the Baltic states."""

from __future__ import annotations

import re
from typing import Final

from stdnum.cz import rc
from stdnum.ee import ik
from stdnum.lt import asmens
from stdnum.lv import pvn
from stdnum.pl import nip, pesel

from retrieval.redaction.recognizers.digits import FAIR, STRONG, DigitId, number, weighted
from retrieval.redaction.recognizers.frame import B, E, code

_TAJ: Final = (3, 7, 3, 7, 3, 7, 3, 7)
_TENTH: Final = tuple(range(1, 10))
_RISING: Final = tuple(range(1, 11))


def _taj(digits: str) -> bool:
    """Hungarian social security: weights 3 and 7, modulus 10 (1996. évi XX. törvény)."""
    return weighted(digits, _TAJ, 10) == int(digits[8])


def _hu_tax(digits: str) -> bool:
    """Hungarian tax number of a person: begins with 8, places as weights, modulus 11."""
    return digits[0] == "8" and weighted(digits, _TENTH, 11) == int(digits[9])


def _hu_person(digits: str) -> bool:
    """Hungarian personal number: sex and century, date, serial; modulus 11, weights either way."""
    month, day = int(digits[3:5]), int(digits[5:7])
    falling = _RISING[::-1]
    fits = int(digits[10]) in {weighted(digits, _RISING, 11), weighted(digits, falling, 11)}
    return digits[0] in "12345678" and 1 <= month <= 12 and 1 <= day <= 31 and fits  # noqa: PLR2004


def _latvian(digits: str) -> bool:
    """A date and a check digit, or since 2017 a number that begins with 32 and says nothing."""
    return pvn.is_valid(digits) if not digits.startswith("32") else True


_LV_WORDS: Final = ("personas kods", "personas koda", "p.k.", "personal code")
_RC_WORDS: Final = ("rodné číslo", "rodné", "rodne cislo", "r.č.", "birth number", "rč")

DIGITS: Final = (
    DigitId(
        kind="PL_PESEL",
        forms=("11", "6-5", "2-2-2-5"),
        check=pesel.is_valid,
        scores=STRONG,
        words=("pesel",),
    ),
    DigitId(
        kind="PL_NIP",
        forms=("3-3-2-2", "3-2-2-3", "10"),
        check=number(nip.is_valid),
        scores=(0.4, 0.6, 0.0),
        words=("nip", "podatkowy", "identyfikacji podatkowej", "tax id"),
    ),
    DigitId(
        kind="CZ_RODNE_CISLO",
        forms=("6-4", "10"),
        check=rc.is_valid,
        scores=STRONG,
        words=_RC_WORDS,
    ),
    # Before 1954: nine digits, no check digit.
    DigitId(
        kind="CZ_RODNE_CISLO",
        forms=("6-3", "9"),
        check=rc.is_valid,
        scores=(0.3, 0.5, 0.0),
        words=_RC_WORDS,
    ),
    DigitId(
        kind="HU_TAJ",
        forms=("3-3-3",),
        check=number(_taj),
        scores=FAIR,
        words=("taj", "taj szám", "társadalombiztosítási"),
    ),
    DigitId(
        kind="HU_TAX_ID",
        forms=("10",),
        check=_hu_tax,
        scores=FAIR,
        words=("adóazonosító", "adóazonosító jel", "adószám"),
    ),
    DigitId(
        kind="HU_PERSONAL_ID",
        forms=("1-6-4", "11"),
        check=_hu_person,
        scores=STRONG,
        words=("személyi szám", "személyi azonosító"),
    ),
    DigitId(
        kind="EE_ISIKUKOOD",
        forms=("11", "1-6-4", "1-2-2-2-4"),
        check=ik.is_valid,
        scores=STRONG,
        words=("isikukood", "personal code"),
    ),
    DigitId(
        kind="LT_ASMENS_KODAS",
        forms=("11", "1-6-4", "1-2-2-2-4"),
        check=asmens.is_valid,
        scores=STRONG,
        words=("asmens kodas", "asmens", "personal code"),
    ),
    DigitId(
        kind="LV_PERSONAS_KODS",
        forms=("6-5", "11"),
        check=_latvian,
        scores=(0.7, 0.8, 0.3),
        words=_LV_WORDS,
    ),
)


def _pl_card(value: str) -> bool:
    """Check digit of Polish identity cards and passports: weights 7, 3, 1 over the rest."""
    plain = re.sub(r"[ \-]", "", value).upper()
    values = [int(c, 36) for c in plain]
    at = 3 if plain[2].isalpha() else 2
    rest = values[:at] + values[at + 1 :]
    return sum(v * (7, 3, 1)[i % 3] for i, v in enumerate(rest)) % 10 == values[at]


PATTERNS: Final = (
    code("PL_ID_CARD", rf"{B}[A-Z]{{3}}[ \-]?\d{{6}}{E}", 0.6, _pl_card),
    code("PL_PASSPORT", rf"{B}[A-Z]{{2}}[ \-]?\d{{7}}{E}", 0.6, _pl_card),
)
WORDS: Final = {
    "PL_ID_CARD": ("dowód", "dowód osobisty", "dowodu", "identity card"),
    "PL_PASSPORT": ("paszport", "paszportu", "passport"),
}
