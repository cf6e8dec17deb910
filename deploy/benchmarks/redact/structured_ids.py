"""Made-up official numbers: valid by form and check digit, nobody's on purpose."""

from __future__ import annotations

import string
from random import Random
from typing import TYPE_CHECKING, Final

from stdnum import luhn, verhoeff
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.cy import vat as cy_vat
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.gr import amka
from stdnum.gr import vat as gr_vat
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.lv import pvn
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import nip, pesel
from stdnum.pt import cc
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp
from stdnum.si import emso
from stdnum.tr import tckimlik
from stdnum.us import itin
from stdnum.za import idnr as za_id

from deploy.benchmarks.redact.structured_made import date, digits, until
from retrieval.redaction.recognizers.national import (
    central,
    german,
    iberian,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_UPPER: Final = string.ascii_uppercase
_MONTHS: Final = "ABCDEHLMPRST"


def us_ssn(rng: Random) -> str:
    """A social security number that may have been given out."""
    area = rng.choice((rng.randint(1, 665), rng.randint(667, 899)))
    return f"{area:03d}{rng.randint(1, 99):02d}{rng.randint(1, 9999):04d}"


def nino(rng: Random) -> str:
    """A British national insurance number."""
    while True:
        prefix = rng.choice("ABCEGHJKLMNOPRSTWXYZ") + rng.choice("ABCEGHJKLMNPRSTWXYZ")
        if prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}:
            return prefix + digits(rng, 6) + rng.choice("ABCD")


def _with(check: Callable[[str], bool], make: Callable[[Random], str]) -> Callable[[Random], str]:
    return lambda rng: until(lambda: make(rng), check)


def finnish(rng: Random) -> str:
    """A Finnish identity code."""
    body, serial = date(rng, "dmy"), f"{rng.randint(2, 899):03d}"
    return (
        f"{body}{rng.choice('-A+Y')}{serial}"
        + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(body + serial) % 31]
    )


def italian(rng: Random) -> str:
    """An Italian tax code."""
    letters = "".join(rng.choices("BCDFGLMNPRST", k=6))
    day = rng.randint(1, 28) + rng.choice((0, 40))
    body = (
        f"{letters}{rng.randint(0, 99):02d}{rng.choice(_MONTHS)}{day:02d}"
        f"{rng.choice('ABCDEFGHIL')}{rng.randint(1, 999):03d}"
    )
    return body + codicefiscale.calc_check_digit(body)


def french(rng: Random) -> str:
    """A French social security number with its key."""
    place = rng.choice((f"{rng.randint(1, 95):02d}", "2A", "2B"))
    body = (
        f"{rng.choice('12')}{rng.randint(0, 99):02d}{rng.randint(1, 12):02d}{place}"
        f"{rng.randint(1, 899):03d}{rng.randint(1, 999):03d}"
    )
    return body + nir.calc_check_digits(body)


def belgian(rng: Random) -> str:
    """A Belgian national number."""
    body = date(rng) + f"{rng.randint(1, 998):03d}"
    return until(lambda: body + f"{97 - int(rng.choice(('', '2')) + body) % 97:02d}", nn.is_valid)


def luxembourgish(rng: Random) -> str:
    """A Luxembourg matricule."""
    body = (
        f"{rng.randint(1930, 2019)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{digits(rng, 3)}"
    )
    return body + luhn.calc_check_digit(body) + verhoeff.calc_check_digit(body)


def swedish(rng: Random) -> str:
    """A Swedish personal number, with the century or without."""
    body = date(rng) + digits(rng, 3)
    return rng.choice(("", "19")) + body + luhn.calc_check_digit(body)


def german_pension(rng: Random) -> str:
    """A German pension insurance number."""
    return until(
        lambda: f"{rng.randint(2, 89):02d}{date(rng, 'dmy')}{rng.choice(_UPPER)}{digits(rng, 3)}",
        german._pension,  # noqa: SLF001 - the check itself is what is wanted
    )


def _at(rng: Random) -> str:
    body = digits(rng, 3, rng.choice("123456789")) + "0" + date(rng, "dmy")
    rest = sum(w * int(n) for w, n in zip((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), body, strict=True)) % 11
    return body[:3] + str(rest) + body[4:] if rest < 10 else _at(rng)  # noqa: PLR2004


def _idnr(rng: Random) -> str:
    """Ten digits, one twice, one never, and a check digit that may fit (python-stdnum, de.idnr)."""
    pool = rng.sample("0123456789", 9)
    pool.append(rng.choice(pool))
    rng.shuffle(pool)
    return "".join(pool) + digits(rng, 1)


def _czech(rng: Random) -> str:
    year, month = rng.randint(54, 99), rng.randint(1, 12) + rng.choice((0, 50))
    body = f"{year:02d}{month:02d}{rng.randint(1, 28):02d}{digits(rng, 3)}"
    return body + str(int(body) % 11 % 10)


def _turkish(rng: Random) -> str:
    body = digits(rng, 9, rng.choice("123456789"))
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    tenth = (odd * 7 - even) % 10
    return f"{body}{tenth}{(odd + even + tenth) % 10}"


IDS: Final[dict[str, Callable[[Random], str]]] = {
    "US_SSN": us_ssn,
    "US_ITIN": _with(itin.is_valid, lambda rng: digits(rng, 9, "9")),
    "UK_NHS": _with(nhs.is_valid, lambda rng: digits(rng, 10, rng.choice("4679"))),
    "UK_NINO": nino,
    "IE_PPS": _with(
        pps.is_valid,
        lambda rng: digits(rng, 7) + rng.choice("ABCDEFGHIJKLMNOPQRSTUVW") + rng.choice(("", "A")),
    ),
    "DE_TAX_ID": _with(idnr.is_valid, _idnr),
    "DE_SOCIAL_SECURITY": german_pension,
    "AT_SVNR": _at,
    "CH_AHV": _with(ahv.is_valid, lambda rng: digits(rng, 13, "756")),
    "FR_NIR": french,
    "FR_TAX_ID": lambda rng: (b := digits(rng, 10, rng.choice("0123"))) + f"{int(b) % 511:03d}",
    "ES_NIF": lambda rng: (b := digits(rng, 8)) + dni.calc_check_digit(b),
    "ES_NIE": lambda rng: (b := rng.choice("XYZ") + digits(rng, 7)) + nie.calc_check_digit(b),
    "ES_NSS": _with(iberian._nss, lambda rng: digits(rng, 12, f"{rng.randint(1, 52):02d}")),  # noqa: SLF001
    "PT_NIF": lambda rng: (b := digits(rng, 8, rng.choice("123"))) + pt_nif.calc_check_digit(b),
    "PT_CITIZEN_CARD": lambda rng: (
        (b := digits(rng, 9) + rng.choice(_UPPER) + rng.choice(_UPPER + string.digits))
        + cc.calc_check_digit(b)
    ),
    "IT_FISCAL_CODE": italian,
    "NL_BSN": _with(bsn.is_valid, lambda rng: digits(rng, 9)),
    "BE_NN": belgian,
    "LU_MATRICULE": luxembourgish,
    "SE_PERSONNUMMER": swedish,
    "DK_CPR": lambda rng: date(rng, "dmy") + digits(rng, 4),
    "NO_FODSELSNUMMER": _with(
        fodselsnummer.is_valid, lambda rng: date(rng, "dmy") + digits(rng, 5)
    ),
    "FI_PERSONAL_IDENTITY_CODE": _with(hetu.is_valid, finnish),
    "PL_PESEL": _with(pesel.is_valid, lambda rng: date(rng) + digits(rng, 5)),
    "PL_NIP": _with(nip.is_valid, lambda rng: digits(rng, 10, rng.choice("123456789"))),
    "CZ_RODNE_CISLO": _with(rc.is_valid, _czech),
    "HU_TAJ": _with(central._taj, lambda rng: digits(rng, 9)),  # noqa: SLF001
    "HU_TAX_ID": _with(central._hu_tax, lambda rng: digits(rng, 10, "8")),  # noqa: SLF001
    "EE_ISIKUKOOD": _with(ik.is_valid, lambda rng: rng.choice("3456") + date(rng) + digits(rng, 4)),
    "LT_ASMENS_KODAS": _with(
        ik.is_valid, lambda rng: rng.choice("34") + date(rng) + digits(rng, 4)
    ),
    "LV_PERSONAS_KODS": _with(
        pvn.is_valid, lambda rng: date(rng, "dmy") + rng.choice("12") + digits(rng, 4)
    ),
    "BG_EGN": _with(egn.is_valid, lambda rng: date(rng) + digits(rng, 4)),
    "HR_OIB": _with(oib.is_valid, lambda rng: digits(rng, 11)),
    "SI_EMSO": _with(
        emso.is_valid,
        lambda rng: (
            (f"{rng.randint(1, 28):02d}{rng.randint(1, 12):02d}9{rng.randint(50, 99)}50")
            + digits(rng, 4)
        ),
    ),
    "RO_CNP": _with(
        cnp.is_valid,
        lambda rng: rng.choice("12") + date(rng) + f"{rng.randint(1, 46):02d}" + digits(rng, 4),
    ),
    "GR_AMKA": _with(amka.is_valid, lambda rng: date(rng, "dmy") + digits(rng, 5)),
    "GR_AFM": _with(gr_vat.is_valid, lambda rng: digits(rng, 9)),
    "CY_TIC": _with(
        cy_vat.is_valid, lambda rng: digits(rng, 8, rng.choice("0")) + rng.choice(_UPPER)
    ),
    "MT_ID_CARD": lambda rng: digits(rng, 7) + rng.choice("MGAPLHBZ"),
    "TR_TCKN": _with(tckimlik.is_valid, _turkish),
    "BR_CPF": lambda rng: (b := digits(rng, 9)) + cpf._calc_check_digits(b),  # noqa: SLF001
    "IN_AADHAAR": _with(aadhaar.is_valid, lambda rng: digits(rng, 12, rng.choice("23456789"))),
    "ZA_ID_NUMBER": _with(
        za_id.is_valid,
        lambda rng: date(rng) + digits(rng, 4) + rng.choice("01") + "8" + digits(rng, 1),
    ),
    "CA_SIN": lambda rng: (b := digits(rng, 8, rng.choice("1234567"))) + luhn.calc_check_digit(b),
}
