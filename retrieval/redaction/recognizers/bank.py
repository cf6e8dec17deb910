"""Bank identifier codes and wallets."""

from __future__ import annotations

from typing import Final

from stdnum import bitcoin

from retrieval.redaction.recognizers.frame import B, E, Pattern, PatternsRecognizer, code
from retrieval.redaction.wordlist import words

_SURE: Final = 1.0
_FEW_FIGURES: Final = 3


def _figures(value: str) -> bool:
    """Base58 of noise has figures; a long name or a constant has few."""
    return sum(map(str.isdigit, value)) >= _FEW_FIGURES


# Base58Check and bech32 addresses; Ethereum and its relatives; Litecoin, Dogecoin, Dash, Ripple,
# Monero, Cardano, Tron, Solana beside a word.
_PATTERNS: Final = (
    code("CRYPTO", rf"{B}[13][1-9A-HJ-NP-Za-km-z]{{25,34}}{E}", _SURE, bitcoin.is_valid),
    code("CRYPTO", rf"{B}(?:bc|tb)1[02-9ac-hj-np-z]{{11,71}}{E}", 0.9, ignore_case=True),
    code("CRYPTO", rf"{B}0x[0-9a-fA-F]{{40}}{E}", 0.9),
    code("CRYPTO", rf"{B}(?:ltc1|addr1)[02-9ac-hj-np-z]{{30,110}}{E}", 0.9),
    code(
        "CRYPTO",
        rf"{B}[LMDXrT][1-9A-HJ-NP-Za-km-z]{{25,34}}{E}",
        0.3,
        _figures,
    ),
    code("CRYPTO", rf"{B}[48][0-9AB][1-9A-HJ-NP-Za-km-z]{{93}}{E}", 0.9),
    code(
        "CRYPTO",
        rf"{B}[1-9A-HJ-NP-Za-km-z]{{43,44}}{E}",
        0.2,
        _figures,
    ),
)
_WORDS: Final = (
    "wallet",
    "btc",
    "bitcoin",
    "eth",
    "ethereum",
    "crypto",
    "litecoin",
    "ltc",
    "doge",
    "dogecoin",
    "dash",
    "xrp",
    "ripple",
    "monero",
    "xmr",
    "cardano",
    "tron",
    "solana",
    "blockchain",
)


def crypto() -> PatternsRecognizer:
    """Addresses of wallets: 1.0 where a checksum holds."""
    return PatternsRecognizer("CryptoRecognizer", _PATTERNS, words={"CRYPTO": _WORDS})


def swift() -> PatternsRecognizer:
    """Bank identifier codes (ISO 9362), which say the branch: only beside a word."""
    letters = r"[A-Z]{4}(?:" + "|".join(_COUNTRIES) + r")[A-Z0-9]{2}(?:[A-Z0-9]{3})?"
    return PatternsRecognizer(
        "SwiftRecognizer",
        (Pattern("SWIFT_CODE", rf"{B}{letters}{E}", 0.1, hints=("swift", "bic", "bank ident")),),
        words={"SWIFT_CODE": ("swift", "bic", "bank identifier")},
        needs="",
    )


_COUNTRIES: Final = words(
    "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
    " US CA AU JP CN IN BR ZA TR SG HK NZ MX AE IL KR"
)
