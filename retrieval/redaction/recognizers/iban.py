"""International bank account numbers of every country in the registry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from retrieval.redaction.recognizers.frame import Recognizer, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.recognizers.frame import Span

_KIND: Final = "IBAN_CODE"
# SWIFT IBAN registry, release 99: country and length.
_LENGTHS: Final = {
    code: int(length)
    for length, codes in {
        "15": "NO",
        "16": "BE",
        "18": "DK FK FO FI GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ XK LT LU MN",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
        # Not in the registry, in use all the same.
        "28 ": "HN",
        "24 ": "DZ",
        "25 ": "AO MZ CV GW",
        "27 ": "CF CG CM GA GQ KM MG",
        "26 ": "IR",
        "28  ": "BF BJ CI ML MA NE SN TG",
        "27  ": "TD",
    }.items()
    for code in codes.split()
}
_GAP: Final = r"(?:[ \-.]|[ \t]{0,4}-?\r?\n[ \t]{0,4})?"
_START: Final = re.compile(
    (rf"(?:IBAN:?)?(?P<code>[A-Z]{{2}}){_GAP}\d{_GAP}\d(?={_GAP}[A-Z0-9])"), re.IGNORECASE
)
_NEXT: Final = re.compile(rf"{_GAP}([A-Z0-9])", re.IGNORECASE)
_MODULUS: Final = 97
_SURE: Final = 1.0
# The check digits do not fit: mistyped, or something else.
_MISTYPED: Final = 0.3


class IbanRecognizer(Recognizer):
    """Numbers of the country's length: 1.0 if modulo 97 fits (ISO 13616), 0.3 otherwise."""

    needs = "digit"
    CONTEXT = (
        "iban",
        "bank",
        "konto",
        "kontonummer",
        "account",
        "compte",
        "cuenta",
        "conto",
        "rekening",
        "transfer",
    )

    def __init__(self) -> None:
        """Take our context words."""
        super().__init__(_KIND, words={_KIND: self.CONTEXT})

    def spans(self, text: str) -> Iterator[Span]:
        """Numbers in groups or not, in either case, also over line breaks."""
        window = text if isinstance(text, Window) else Window(text)
        for start in window.code_starts:
            match = _START.match(text, start)
            length = _LENGTHS.get(match["code"].upper()) if match else None
            if match is None or length is None:
                continue
            begin = match.start("code")
            read = _read(text, begin, length)
            if read is None:
                continue
            end, value = read
            if _fits(value):
                yield _KIND, begin, end, _SURE
            elif value[:2].isupper() and sum(map(str.isdigit, value)) * 2 > len(value):
                yield _KIND, begin, end, _MISTYPED


def _read(text: str, begin: int, length: int) -> tuple[int, str] | None:
    """End and characters of a number of ``length`` that begins at ``begin``."""
    value = text[begin]
    at = begin + 1
    while len(value) < length:
        match = _NEXT.match(text, at)
        if match is None:
            return None
        value += match[1]
        at = match.end()
    following = text[at : at + 1]
    return None if following.isalnum() else (at, value)


def _fits(value: str) -> bool:
    plain = value.upper()
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % _MODULUS == 1
