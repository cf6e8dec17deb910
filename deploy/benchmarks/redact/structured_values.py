"""Made-up values of every structured kind: valid by form and check digit, nobody's on purpose."""

from __future__ import annotations

import base64
import hashlib
import string
from random import Random
from typing import TYPE_CHECKING, Final

import phonenumbers
from phonenumbers import PhoneNumberFormat
from stdnum import bitcoin, iban, luhn

from deploy.benchmarks.redact.structured_ids import IDS
from deploy.benchmarks.redact.structured_made import digits
from retrieval.redaction.wordlist import words

if TYPE_CHECKING:
    from collections.abc import Callable

_UPPER: Final = string.ascii_uppercase
_ALNUM: Final = string.ascii_letters + string.digits
_FEW: Final = 0.15


def card(rng: Random) -> str:
    """A payment card of one of ten issuers."""
    first, length = rng.choice(
        [
            ("4", 16),
            ("4", 13),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("2720", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("65", 16),
            ("3528", 16),
            ("3589", 16),
            ("36", 14),
            ("38", 14),
            ("62", 16),
            ("2200", 16),
            ("6759", 16),
        ]
    )
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
    ("DE", ((18, "n"),)),
    ("GB", ((4, "a"), (14, "n"))),
    ("FR", ((10, "n"), (11, "c"), (2, "n"))),
    ("ES", ((20, "n"),)),
    ("IT", ((1, "a"), (10, "n"), (12, "c"))),
    ("NL", ((4, "a"), (10, "n"))),
    ("AT", ((16, "n"),)),
    ("BE", ((12, "n"),)),
    ("CH", ((5, "n"), (12, "c"))),
    ("PL", ((24, "n"),)),
    ("SE", ((20, "n"),)),
    ("DK", ((14, "n"),)),
    ("NO", ((11, "n"),)),
    ("FI", ((14, "n"),)),
    ("IE", ((4, "a"), (14, "n"))),
    ("PT", ((21, "n"),)),
    ("GR", ((7, "n"), (16, "c"))),
    ("HU", ((24, "n"),)),
    ("RO", ((4, "a"), (16, "c"))),
    ("CZ", ((20, "n"),)),
    ("SK", ((20, "n"),)),
    ("LU", ((3, "n"), (13, "c"))),
    ("MT", ((4, "a"), (5, "n"), (18, "c"))),
    ("BG", ((4, "a"), (6, "n"), (8, "c"))),
    ("HR", ((17, "n"),)),
    ("SI", ((15, "n"),)),
    ("LT", ((16, "n"),)),
    ("LV", ((4, "a"), (13, "c"))),
    ("EE", ((16, "n"),)),
    ("CY", ((8, "n"), (16, "c"))),
    ("TR", ((5, "n"), (1, "n"), (16, "c"))),
    ("SA", ((2, "n"), (18, "c"))),
    ("AE", ((19, "n"),)),
    ("LI", ((5, "n"), (12, "c"))),
]

_GIVEN: Final = words(
    "anna ben carla dmitri elif francois greta hugo ines jurgen kim lena marco nadia ole"
    " paula quentin rosa sven tara"
)
_FAMILY: Final = words(
    "smith muller garcia rossi dupont jansen novak kowalski nielsen papas horvath silva"
    " oconnor virtanen berg lopez"
)
_HOSTS: Final = words(
    "example.org example.com mail.example.net beispiel.de exemple.fr ejemplo.es"
    " esempio.it voorbeeld.nl company.co.uk uni-test.edu"
    " my-firm.io sub.domain.example.com.au posta.gov.pl corp.lan müller-bau.de"
)


def email(rng: Random) -> str:
    """An e-mail address."""
    given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
    local = rng.choice(
        (
            f"{given}.{family}",
            f"{given[0]}{family}{rng.randint(1, 99)}",
            f"{given}_{family}",
            f"{given}-{family}",
            f"{given}.{family}+{rng.choice(('news', 'a1'))}",
            f"{family}{rng.randint(1950, 2010)}",
            f"{given}",
            f"{given}%{family}",
            f"o'{family}",
        )
    )
    address = f"{local}@{rng.choice(_HOSTS)}"
    return rng.choice((address, address, address, address.upper(), address.title()))


_REGIONS: Final = words(
    "US GB DE FR ES IT NL BE AT CH IE SE FI DK NO PL PT CZ SK HU RO BG GR HR SI EE LV LT"
    " LU MT CY CA AU IN BR MX JP KR ZA TR"
)
# Where a number without country code is recognised as one.
_NATIONAL: Final = words(
    "US GB DE FR ES IT NL BE AT CH IE SE FI DK NO PL PT CA CZ GR HU RO SK BG HR SI EE LV LT MT CY"
)
# Seven digits alone are a telephone number only beside a word.
_EIGHT_DIGITS: Final = 9_999_999
_TYPES: Final = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)


def phone(rng: Random, *, national: bool = False) -> str:
    """A number that is valid by libphonenumber, as it formats it."""
    region = rng.choice(_NATIONAL if national else _REGIONS)
    example = phonenumbers.example_number_for_type(region, rng.choice(_TYPES))
    pattern = phonenumbers.format_number(example, PhoneNumberFormat.E164) if example else ""
    keep = len(pattern) - 5
    number = phonenumbers.parse(pattern[:keep] + digits(rng, 5), None)
    if (number.national_number or 0) < _EIGHT_DIGITS or not phonenumbers.is_valid_number(number):
        return phone(rng, national=national)
    if national:
        return str(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    form = rng.choice(
        (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.INTERNATIONAL)
    )
    shown = str(phonenumbers.format_number(number, form))
    return "00" + shown[1:] if rng.random() < _FEW else shown


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
        (
            "sk-" + mixed(48),
            "sk-proj-" + mixed(40),
            "sk-ant-api03-" + mixed(40),
            "ghp_" + mixed(36),
            "github_pat_" + mixed(60),
            "AKIA" + "".join(rng.choices(_UPPER + "234567", k=16)),
            "AIza" + mixed(35),
            "xoxb-" + digits(rng, 12) + "-" + mixed(24),
            "glpat-" + mixed(20),
            "sk_live_" + mixed(24),
            "pk_test_" + mixed(24),
            "SG." + mixed(22) + "." + mixed(43),
            "npm_" + mixed(36),
            "hf_" + mixed(34),
        )
    )


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
        (
            f"https://example.org/reset?token={token}",
            f"https://api.example.com/v1/x?key={token}&b=1",
            f"https://user:{token}@git.example.org/r.git",
            f"https://files.example.net/d/{token}",
            f"http://example.org/cb#access_token={token}",
        )
    )


def connection(rng: Random) -> str:
    """A connection string with its password."""
    secret = "".join(rng.choices(_ALNUM, k=12)) + "9x"
    scheme = rng.choice(("postgresql", "mysql", "mongodb+srv", "redis", "amqp"))
    return f"{scheme}://app:{secret}@db{rng.randint(1, 9)}.example.net:5432/main"


VALUES: Final[dict[str, Callable[[Random], str]]] = {
    "CREDIT_CARD": card,
    "IBAN_CODE": account,
    "EMAIL_ADDRESS": email,
    "PHONE_INTERNATIONAL": phone,
    "PHONE_NATIONAL": lambda rng: phone(rng, national=True),
    **IDS,
    "IP_V4": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    "IP_V6": ipv6,
    "MAC_ADDRESS": lambda rng: rng.choice(":-").join(
        f"{rng.randint(0, 255):02x}" for _ in range(6)
    ),
    "CRYPTO": bitcoin_address,
    "API_KEY": api_key,
    "JWT": jwt,
    "PRIVATE_KEY": private_key,
    "URL_TOKEN": token_url,
    "CONNECTION_STRING": connection,
}
