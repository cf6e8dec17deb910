"""Canary identifiers: valid by form and check digit, each the only one of its kind."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import phonenumbers
from stdnum import iban, luhn

_FIRST: Final = ("anna", "boris", "chloe", "dilan", "elif", "fabio", "greta", "hugo", "ines", "kim")
_LAST: Final = ("arslan", "bauer", "costa", "dubois", "evans", "garcia", "ivanov", "kowalski")
_REGIONS: Final = {"DE": 49, "GB": 44, "US": 1, "FR": 33, "ES": 34, "IT": 39, "NL": 31}
_AREAS: Final = {
    "DE": "30",
    "GB": "20",
    "US": "212",
    "FR": "1",
    "ES": "91",
    "IT": "347",
    "NL": "20",
}
_LENGTHS: Final = {"DE": 10, "GB": 10, "US": 10, "FR": 9, "ES": 9, "IT": 10, "NL": 9}
_NOBODY: Final = 666  # no US social security number begins so (SSA, "Randomization of SSN")


def email(draw: Random) -> str:
    """An address below a domain that is reserved for examples (RFC 2606)."""
    number = draw.randrange(10**5)
    domain = draw.choice(["example.com", "example.org", "example.net"])
    return f"{draw.choice(_FIRST)}.{draw.choice(_LAST)}{number:05d}@{domain}"


def card(draw: Random) -> str:
    """Sixteen digits of a test range with their Luhn digit (ISO/IEC 7812-1)."""
    body = draw.choice(["411111", "520082", "601111"]) + "".join(draw.choices(string.digits, k=9))
    number = body + luhn.calc_check_digit(body)
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def phone(draw: Random) -> str:
    """A number that libphonenumber takes for valid, in international form."""
    while True:
        region = draw.choice(list(_REGIONS))
        begin = _AREAS[region]
        changed = begin + "".join(draw.choices(string.digits, k=_LENGTHS[region] - len(begin)))
        number = phonenumbers.PhoneNumber(_REGIONS[region], int(changed))
        if phonenumbers.is_valid_number(number):
            form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
            return str(phonenumbers.format_number(number, form))


def ssn(draw: Random) -> str:
    """A US social security number of a range that was given out."""
    area = draw.choice([n for n in range(1, 773) if n != _NOBODY])
    return f"{area:03d}-{draw.randrange(1, 100):02d}-{draw.randrange(1, 10_000):04d}"


def account(draw: Random) -> str:
    """A German IBAN with its check digits (ISO 13616)."""
    number = "".join(draw.choices(string.digits, k=18))
    return f"DE{iban.calc_check_digits(f'DE00{number}')}{number}"


KINDS: Final[dict[str, tuple[str, Callable[[Random], str]]]] = {
    "email": ("E-mail", email),
    "card": ("Credit card", card),
    "phone": ("Phone", phone),
    "ssn": ("SSN", ssn),
    "iban": ("IBAN", account),
}


def identifiers(count: int, draw: Random) -> Iterator[tuple[str, str]]:
    """``count`` different (label, value) pairs, the kinds in turn."""
    seen: set[str] = set()
    kinds = list(KINDS.values())
    while len(seen) < count:
        label, make = kinds[len(seen) % len(kinds)]
        value = make(draw)
        if value not in seen:
            seen.add(value)
            yield label, value
