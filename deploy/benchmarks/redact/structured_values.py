"""Made-up values of every structured kind: valid by form and check digit, nobody's on purpose."""

from __future__ import annotations

import base64
import hashlib
import string
from random import Random
from typing import TYPE_CHECKING, Final

import phonenumbers
from phonenumbers import PhoneNumberFormat
from stdnum import bitcoin, iban, luhn, verhoeff
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
from stdnum.fr import nif as fr_nif
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

from retrieval.redaction.recognizers.national import (
    benelux,
    central,
    german,
    iberian,
    nordic,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Make = "Callable[[Random], str]"
_UPPER: Final = string.ascii_uppercase
_ALNUM: Final = string.ascii_letters + string.digits
_MONTHS: Final = "ABCDEHLMPRST"
_TRIES: Final = 20_000


def digits(rng: Random, count: int, first: str = "") -> str:
    """``count`` random digits that begin with ``first``."""
    return first + "".join(rng.choices("0123456789", k=count - len(first)))


def until(make: Callable[[], str], valid: Callable[[str], bool]) -> str:
    """The first of ``make``'s values that is valid.

    Raises:
        RuntimeError: none in many tries; the generator does not fit the check.
    """
    for _ in range(_TRIES):
        value = make()
        if valid(value):
            return value
    raise RuntimeError("no valid value found")


def date(rng: Random, order: str = "ymd") -> str:
    """A date from 1930 to 2019 in six digits, the century left out."""
    year, month, day = rng.randint(1930, 2019), rng.randint(1, 12), rng.randint(1, 28)
    parts = {"y": f"{year % 100:02d}", "m": f"{month:02d}", "d": f"{day:02d}"}
    return "".join(parts[one] for one in order)


def card(rng: Random) -> str:
    """A payment card of one of ten issuers."""
    first, length = rng.choice(
        [("4", 16), ("4", 13), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15),
         ("6011", 16), ("65", 16), ("3528", 16), ("3589", 16), ("36", 14), ("38", 14), ("62", 16), ("2200", 16), ("6759", 16)]
    )  # fmt: skip
    body = digits(rng, length - 1, first)
    return body + luhn.calc_check_digit(body)


def account(rng: Random) -> str:
    """An IBAN of one of the countries whose form python-stdnum knows."""
    info = rng.choice(_BBANS)
    code, structure = info
    body = ""
    for count, kind in structure:
        alphabet = {"n": string.digits, "a": _UPPER, "c": _UPPER + string.digits}[kind]
        body += "".join(rng.choices(alphabet, k=count))
    return code + iban.calc_check_digits(code + "00" + body) + body


_BBANS: Final = [
    ("DE", ((18, "n"),)), ("GB", ((4, "a"), (14, "n"))), ("FR", ((10, "n"), (11, "c"), (2, "n"))),
    ("ES", ((20, "n"),)), ("IT", ((1, "a"), (10, "n"), (12, "c"))), ("NL", ((4, "a"), (10, "n"))),
    ("AT", ((16, "n"),)), ("BE", ((12, "n"),)), ("CH", ((5, "n"), (12, "c"))), ("PL", ((24, "n"),)),
    ("SE", ((20, "n"),)), ("DK", ((14, "n"),)), ("NO", ((11, "n"),)), ("FI", ((14, "n"),)),
    ("IE", ((4, "a"), (14, "n"))), ("PT", ((21, "n"),)), ("GR", ((7, "n"), (16, "c"))),
    ("HU", ((24, "n"),)), ("RO", ((4, "a"), (16, "c"))), ("CZ", ((20, "n"),)), ("SK", ((20, "n"),)),
    ("LU", ((3, "n"), (13, "c"))), ("MT", ((4, "a"), (5, "n"), (18, "c"))), ("BG", ((4, "a"), (6, "n"), (8, "c"))),
    ("HR", ((17, "n"),)), ("SI", ((15, "n"),)), ("LT", ((16, "n"),)), ("LV", ((4, "a"), (13, "c"))),
    ("EE", ((16, "n"),)), ("CY", ((8, "n"), (16, "c"))), ("TR", ((5, "n"), (1, "n"), (16, "c"))),
    ("SA", ((2, "n"), (18, "c"))), ("AE", ((19, "n"),)), ("LI", ((5, "n"), (12, "c"))),
]  # fmt: skip

_GIVEN: Final = "anna ben carla dmitri elif francois greta hugo ines jurgen kim lena marco nadia ole paula quentin rosa sven tara".split()
_FAMILY: Final = "smith muller garcia rossi dupont jansen novak kowalski nielsen papas horvath silva oconnor virtanen berg lopez".split()
_HOSTS: Final = (
    "example.org example.com mail.example.net beispiel.de exemple.fr ejemplo.es esempio.it voorbeeld.nl company.co.uk uni-test.edu"
    " my-firm.io sub.domain.example.com.au posta.gov.pl corp.lan müller-bau.de"
).split()


def email(rng: Random) -> str:
    """An e-mail address."""
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    local = rng.choice(
        (f"{given}.{family}", f"{given[0]}{family}{rng.randint(1, 99)}", f"{given}_{family}", f"{given}-{family}",
         f"{given}.{family}+{rng.choice(('news', 'a1'))}", f"{family}{rng.randint(1950, 2010)}", f"{given}", f"{given}%{family}", f"o'{family}")
    )  # fmt: skip
    address = f"{local}@{rng.choice(_HOSTS)}"
    return rng.choice((address, address, address, address.upper(), address.title()))


_REGIONS: Final = (
    "US GB DE FR ES IT NL BE AT CH IE SE FI DK NO PL PT CZ SK HU RO BG GR HR SI EE LV LT LU MT CY CA AU IN BR MX JP KR ZA TR"
).split()
# Where a number without country code is recognised as one.
_NATIONAL: Final = (
    "US GB DE FR ES IT NL BE AT CH IE SE FI DK NO PL PT CA CZ GR HU RO SK BG HR SI EE LV LT MT CY"
).split()
# Seven digits alone are a telephone number only beside a word.
_EIGHT_DIGITS: Final = 9_999_999
_TYPES: Final = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)


def phone(rng: Random, *, national: bool = False) -> str:
    """A number that is valid by libphonenumber, as it formats it."""
    region = rng.choice(_NATIONAL if national else _REGIONS)
    number = phonenumbers.example_number_for_type(region, rng.choice(_TYPES))
    text = str(number.national_number)
    zeros = "0" * (number.number_of_leading_zeros or 1) if number.italian_leading_zero else ""
    for _ in range(50):
        keep = rng.randint(2, 5)
        tried = phonenumbers.parse(
            f"+{number.country_code}{zeros}{text[:keep]}{digits(rng, len(text) - keep)}", None
        )
        if phonenumbers.is_valid_number(tried) and tried.national_number > _EIGHT_DIGITS:
            number = tried
            break
    if number.national_number <= _EIGHT_DIGITS:
        return phone(rng, national=national)
    if national:
        return str(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    form = rng.choice(
        (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.INTERNATIONAL)
    )
    shown = str(phonenumbers.format_number(number, form))
    return "00" + shown[1:] if rng.random() < 0.15 else shown


def us_ssn(rng: Random) -> str:
    """A social security number that may have been given out."""
    area = rng.choice([n for n in (rng.randint(1, 899) for _ in range(8)) if n != 666] or [123])
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
    body = f"{letters}{rng.randint(0, 99):02d}{rng.choice(_MONTHS)}{day:02d}{rng.choice('ABCDEFGHIL')}{rng.randint(1, 999):03d}"
    return body + codicefiscale.calc_check_digit(body)


def french(rng: Random) -> str:
    """A French social security number with its key."""
    place = rng.choice((f"{rng.randint(1, 95):02d}", "2A", "2B"))
    body = f"{rng.choice('12')}{rng.randint(0, 99):02d}{rng.randint(1, 12):02d}{place}{rng.randint(1, 899):03d}{rng.randint(1, 999):03d}"
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


def bitcoin_address(rng: Random) -> str:
    """An address of a wallet: Base58Check, or hexadecimal with 0x."""
    if rng.random() < 0.3:  # noqa: PLR2004 - a share
        return "0x" + "".join(rng.choices("0123456789abcdef", k=40))
    payload = bytes([rng.choice((0, 5))]) + rng.randbytes(20)
    full = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    value, text = int.from_bytes(full, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[rest] + text
    text = "1" * (len(full) - len(full.lstrip(b"\0"))) + text
    return text if bitcoin.is_valid(text) else bitcoin_address(rng)


def ipv6(rng: Random) -> str:
    """An IPv6 address, some with a gap."""
    parts = [f"{rng.randint(1, 0xFFFF):x}" for _ in range(8)]
    if rng.random() < 0.5:  # noqa: PLR2004 - a share
        at = rng.randint(1, 4)
        return ":".join(parts[:at]) + "::" + ":".join(parts[at + 2 :])
    return ":".join(parts)


def api_key(rng: Random) -> str:
    """A key with the prefix of a well-known provider."""

    def mixed(n: int) -> str:
        return "".join(rng.choices(_ALNUM, k=n))

    return rng.choice(
        ("sk-" + mixed(48), "sk-proj-" + mixed(40), "sk-ant-api03-" + mixed(40), "ghp_" + mixed(36), "github_pat_" + mixed(60),
         "AKIA" + "".join(rng.choices(_UPPER + "234567", k=16)), "AIza" + mixed(35), "xoxb-" + digits(rng, 12) + "-" + mixed(24),
         "glpat-" + mixed(20), "sk_live_" + mixed(24), "pk_test_" + mixed(24), "SG." + mixed(22) + "." + mixed(43), "npm_" + mixed(36), "hf_" + mixed(34))
    )  # fmt: skip


def jwt(rng: Random) -> str:
    """A JSON web token."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    claims = f'{{"sub":"{digits(rng, 8)}","iat":{digits(rng, 10, "17")}}}'.encode()
    return ".".join((part(b'{"alg":"HS256","typ":"JWT"}'), part(claims), part(rng.randbytes(32))))


def private_key(rng: Random) -> str:
    """A PEM block of made-up bytes."""
    name = rng.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    body = base64.b64encode(rng.randbytes(rng.randint(90, 1200))).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----"


def token_url(rng: Random) -> str:
    """A web address with a token or a password in it."""
    token = "".join(rng.choices(_ALNUM, k=rng.randint(16, 40))) + "7a"
    return rng.choice(
        (f"https://example.org/reset?token={token}", f"https://api.example.com/v1/x?key={token}&b=1", f"https://user:{token}@git.example.org/r.git",
         f"https://files.example.net/d/{token}", f"http://example.org/cb#access_token={token}")
    )  # fmt: skip


def connection(rng: Random) -> str:
    """A connection string with its password."""
    secret = "".join(rng.choices(_ALNUM, k=12)) + "9x"
    scheme = rng.choice(("postgresql", "mysql", "mongodb+srv", "redis", "amqp"))
    return f"{scheme}://app:{secret}@db{rng.randint(1, 9)}.example.net:5432/main"


def _at(rng: Random) -> str:
    body = digits(rng, 3, rng.choice("123456789")) + "0" + date(rng, "dmy")
    rest = sum(w * int(n) for w, n in zip((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), body, strict=True)) % 11
    return body[:3] + str(rest) + body[4:] if rest < 10 else _at(rng)  # noqa: PLR2004


VALUES: Final[dict[str, Callable[[Random], str]]] = {
    "CREDIT_CARD": card,
    "IBAN_CODE": account,
    "EMAIL_ADDRESS": email,
    "PHONE_INTERNATIONAL": phone,
    "PHONE_NATIONAL": lambda rng: phone(rng, national=True),
    "US_SSN": us_ssn,
    "US_ITIN": _with(itin.is_valid, lambda rng: digits(rng, 9, "9")),
    "UK_NHS": _with(nhs.is_valid, lambda rng: digits(rng, 10, rng.choice("4679"))),
    "UK_NINO": nino,
    "IE_PPS": _with(pps.is_valid, lambda rng: digits(rng, 7) + rng.choice("ABCDEFGHIJKLMNOPQRSTUVW") + rng.choice(("", "A"))),
    "DE_TAX_ID": lambda rng: until(lambda: (b := _idnr_body(rng)) + idnr.calc_check_digit(b) if hasattr(idnr, "calc_check_digit") else digits(rng, 11), idnr.is_valid),
    "DE_SOCIAL_SECURITY": german_pension,
    "AT_SVNR": _at,
    "CH_AHV": _with(ahv.is_valid, lambda rng: digits(rng, 13, "756")),
    "FR_NIR": french,
    "FR_TAX_ID": lambda rng: (b := digits(rng, 10, rng.choice("0123"))) + f"{int(b) % 511:03d}" if fr_nif else "",
    "ES_NIF": lambda rng: (b := digits(rng, 8)) + dni.calc_check_digit(b),
    "ES_NIE": lambda rng: (b := rng.choice("XYZ") + digits(rng, 7)) + nie.calc_check_digit(b),
    "ES_NSS": _with(iberian._nss, lambda rng: digits(rng, 12, f"{rng.randint(1, 52):02d}")),  # noqa: SLF001
    "PT_NIF": lambda rng: (b := digits(rng, 8, rng.choice("123"))) + pt_nif.calc_check_digit(b),
    "PT_CITIZEN_CARD": lambda rng: (b := digits(rng, 9) + rng.choice(_UPPER) + rng.choice(_UPPER + string.digits)) + cc.calc_check_digit(b),
    "IT_FISCAL_CODE": italian,
    "NL_BSN": _with(bsn.is_valid, lambda rng: digits(rng, 9)),
    "BE_NN": belgian,
    "LU_MATRICULE": luxembourgish,
    "SE_PERSONNUMMER": swedish,
    "DK_CPR": lambda rng: date(rng, "dmy") + digits(rng, 4),
    "NO_FODSELSNUMMER": _with(fodselsnummer.is_valid, lambda rng: date(rng, "dmy") + digits(rng, 5)),
    "FI_PERSONAL_IDENTITY_CODE": _with(hetu.is_valid, finnish),
    "PL_PESEL": _with(pesel.is_valid, lambda rng: date(rng) + digits(rng, 5)),
    "PL_NIP": _with(nip.is_valid, lambda rng: digits(rng, 10, rng.choice("123456789"))),
    "CZ_RODNE_CISLO": _with(rc.is_valid, lambda rng: _czech(rng)),
    "HU_TAJ": _with(central._taj, lambda rng: digits(rng, 9)),  # noqa: SLF001
    "HU_TAX_ID": _with(central._hu_tax, lambda rng: digits(rng, 10, "8")),  # noqa: SLF001
    "EE_ISIKUKOOD": _with(ik.is_valid, lambda rng: rng.choice("3456") + date(rng) + digits(rng, 4)),
    "LT_ASMENS_KODAS": _with(ik.is_valid, lambda rng: rng.choice("34") + date(rng) + digits(rng, 4)),
    "LV_PERSONAS_KODS": _with(pvn.is_valid, lambda rng: date(rng, "dmy") + rng.choice("12") + digits(rng, 4)),
    "BG_EGN": _with(egn.is_valid, lambda rng: date(rng) + digits(rng, 4)),
    "HR_OIB": _with(oib.is_valid, lambda rng: digits(rng, 11)),
    "SI_EMSO": _with(emso.is_valid, lambda rng: f"{rng.randint(1, 28):02d}{rng.randint(1, 12):02d}9{rng.randint(50, 99)}50" + digits(rng, 4)),
    "RO_CNP": _with(cnp.is_valid, lambda rng: rng.choice("12") + date(rng) + f"{rng.randint(1, 46):02d}" + digits(rng, 4)),
    "GR_AMKA": _with(amka.is_valid, lambda rng: date(rng, "dmy") + digits(rng, 5)),
    "GR_AFM": _with(gr_vat.is_valid, lambda rng: digits(rng, 9)),
    "CY_TIC": _with(cy_vat.is_valid, lambda rng: digits(rng, 8, rng.choice("0")) + rng.choice(_UPPER)),
    "MT_ID_CARD": lambda rng: digits(rng, 7) + rng.choice("MGAPLHBZ"),
    "TR_TCKN": _with(tckimlik.is_valid, lambda rng: _turkish(rng)),
    "BR_CPF": lambda rng: (b := digits(rng, 9)) + cpf._calc_check_digits(b),  # noqa: SLF001
    "IN_AADHAAR": _with(aadhaar.is_valid, lambda rng: digits(rng, 12, rng.choice("23456789"))),
    "ZA_ID_NUMBER": _with(za_id.is_valid, lambda rng: date(rng) + digits(rng, 4) + rng.choice("01") + "8" + digits(rng, 1)),
    "CA_SIN": lambda rng: (b := digits(rng, 8, rng.choice("1234567"))) + luhn.calc_check_digit(b),
    "IP_V4": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    "IP_V6": ipv6,
    "MAC_ADDRESS": lambda rng: rng.choice(":-").join(f"{rng.randint(0, 255):02x}" for _ in range(6)),
    "CRYPTO": bitcoin_address,
    "API_KEY": api_key,
    "JWT": jwt,
    "PRIVATE_KEY": private_key,
    "URL_TOKEN": token_url,
    "CONNECTION_STRING": connection,
}  # fmt: skip


def _idnr_body(rng: Random) -> str:
    """Ten digits: one twice, one never (python-stdnum, de.idnr)."""
    pool = rng.sample("0123456789", 9)
    pool.append(rng.choice(pool))
    rng.shuffle(pool)
    return "".join(pool) if pool[0] != "0" else _idnr_body(rng)


def _czech(rng: Random) -> str:
    year, month = rng.randint(54, 99), rng.randint(1, 12) + rng.choice((0, 50))
    body = f"{year:02d}{month:02d}{rng.randint(1, 28):02d}{digits(rng, 3)}"
    return body + str(int(body) % 11 % 10)


def _turkish(rng: Random) -> str:
    body = digits(rng, 9, rng.choice("123456789"))
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    tenth = (odd * 7 - even) % 10
    return f"{body}{tenth}{(odd + even + tenth) % 10}"


DANISH_CHECK: Final = nordic._danish  # noqa: SLF001 - shared with the tests of this table
LUXEMBOURG_CHECK: Final = benelux._matricule  # noqa: SLF001 - as above
