"""Forms in which a person's identifiers are compared: however written, the same value.

For blind indexes (``normalise_identifier``) and for the numbering of placeholders (``identity``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers

from retrieval.redaction.normalise import normalise
from retrieval.redaction.wordlist import words

# Where a number without country code may belong, likeliest first (libphonenumber's region codes).
PHONE_REGIONS: Final = (
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "BE",
    "AT",
    "CH",
    "PL",
    "SE",
    "DK",
    "NO",
    "FI",
    "IE",
    "PT",
    "CZ",
    "GR",
    "HU",
    "RO",
)
_MAX_FORMS: Final = 6
_NAMES: Final = frozenset({"PERSON", "TITLE", "LOCATION", "ORGANIZATION", "NRP", "ADDRESS"})
_AT: Final = re.compile(r"\s*(?:@|\(at\)|\[at\]|\{at\}|\sat\s)\s*", re.IGNORECASE)
_DOT: Final = re.compile(r"\s*(?:\(dot\)|\[dot\]|\{dot\})\s*", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"(?:x|ext\.?|extension|#)\s?\d{1,6}$", re.IGNORECASE)
_TITLES: Final = frozenset(
    words(
        "mr mrs ms miss mx dr prof sir dame lord lady rev herr frau fr hr dott ing m mme mlle"
        " sr sra"
        " srta don dona sig signor signora signorina"
    )
)


def normalise_identifier(kind: str, value: str) -> tuple[str, ...]:
    """Every form under which ``value`` may be looked up, the likeliest first; empty if none.

    E-mail addresses lower-cased; telephone numbers as E.164 of every region where the number is
    valid; numbers as letters and digits only, upper-cased; names without case, accents, titles and
    order of words. Two values of one kind are the same identifier if they share a form.
    """
    text = unicodedata.normalize("NFKC", normalise(value).text).strip()
    if kind == "EMAIL_ADDRESS":
        return _some(_email(text)) if any(map(str.isalnum, text)) else ()
    if kind == "PHONE_NUMBER":
        return _phone(text)
    if kind in _NAMES or kind == "DENIED":
        return _some(_name(text))
    if kind in {"USERNAME", "URL", "PASSWORD", "API_KEY", "JWT", "PRIVATE_KEY"}:
        return _some(text.casefold() if kind == "USERNAME" else text)
    return _some("".join(char for char in text.upper() if char.isalnum()))


def identity(kind: str, value: str) -> str:
    """One form by which placeholders of one asset are numbered, never empty for a value."""
    if kind == "EMAIL_ADDRESS":
        return _email(value)
    if kind == "PERSON":
        return _name(normalise(value).text) or value
    letters = "".join(char for char in normalise(value).text.casefold() if char.isalnum())
    return letters or value


def _some(form: str) -> tuple[str, ...]:
    return (form,) if form else ()


def _email(text: str) -> str:
    joined = re.sub(r"\s+", "", _DOT.sub(".", _AT.sub("@", unquote(text))))
    return re.sub(r"^mailto:", "", joined.casefold())


def _name(text: str) -> str:
    found = re.findall(r"\w+", _plain(text))
    kept = [word for word in found if word not in _TITLES and not word.isdigit()] or found
    return " ".join(sorted(kept))


def _plain(text: str) -> str:
    """Without case and accents; sharp s and the like as ``casefold`` writes them."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


@lru_cache(maxsize=4096)
def _phone(text: str) -> tuple[str, ...]:
    bare = _EXTENSION.sub("", text).strip()
    digits = re.sub(r"\D", "", bare)
    forms: dict[str, None] = {}
    if bare.lstrip("( ").startswith("+") or digits.startswith("00"):
        spelled = bare if "+" in bare else "+" + digits[2:]
        forms |= dict.fromkeys(_e164(spelled, None))
    else:
        for region in PHONE_REGIONS:
            forms |= dict.fromkeys(_e164(bare, region))
    # A number that is valid nowhere is compared by its digits.
    return tuple(forms)[:_MAX_FORMS] or _some(digits)


def _e164(text: str, region: str | None) -> tuple[str, ...]:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ()
    if not phonenumbers.is_valid_number(number):
        return ()
    return (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),)
