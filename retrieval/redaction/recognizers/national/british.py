"""United Kingdom, Ireland and Malta."""

from __future__ import annotations

from typing import Final

from stdnum.gb import nhs, utr
from stdnum.ie import pps

from retrieval.redaction.recognizers.digits import FAIR, WEAK, DigitId, number
from retrieval.redaction.recognizers.frame import B, E, code

DIGITS: Final = (
    DigitId(
        kind="UK_NHS",
        forms=("3-3-4",),
        check=number(nhs.is_valid),
        scores=FAIR,
        words=("nhs", "national health", "health service", "chi number"),
    ),
    DigitId(
        kind="UK_UTR",
        forms=("5-5", "10"),
        check=utr.is_valid,
        scores=WEAK,
        words=("utr", "unique taxpayer", "self assessment", "tax reference"),
    ),
    # Six digits of the sort code and eight of the account.
    DigitId(
        kind="BANK_ACCOUNT",
        forms=("2-2-2-8", "6-8"),
        check=lambda _: True,
        scores=(0.0, 0.4, 0.0),
        words=("sort code", "account", "bank"),
    ),
    DigitId(
        kind="UK_PASSPORT",
        forms=("9",),
        check=lambda _: True,
        scores=WEAK,
        words=("passport",),
    ),
)

# HM Revenue & Customs, NIM39110: letters not in use, prefixes never given.
_NINO: Final = (
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r"[ .\-]?\d\d[ .\-]?\d\d[ .\-]?\d\d"
)
PATTERNS: Final = (
    code("UK_NINO", rf"{B}{_NINO}[ .\-]?[A-D]{E}", 0.75, ignore_case=True),
    code("UK_NINO", rf"{B}{_NINO}{E}", 0.1),
    # Prefixes and suffixes that are never given are printed in examples and typed by mistake.
    code("UK_NINO", rf"{B}[A-Z]{{2}}[ .\-]?\d\d[ .\-]?\d\d[ .\-]?\d\d[ .\-]?[A-DFMPT]{E}", 0.45),
    code("UK_PASSPORT", rf"{B}[A-Z]{{2}}\d{{7}}{E}", 0.1),
    code(
        "UK_DRIVING_LICENCE",
        rf"{B}[A-Z9]{{5}}[ \-]?\d(?:0[1-9]|1[0-2]|5[1-9]|6[0-2])(?:0[1-9]|[12]\d"
        r"|3[01])\d[ \-]?[A-Z9]{2}"
        rf"[A-Z0-9][ \-]?[A-Z]{{2}}{E}",
        0.8,
        ignore_case=True,
    ),
    # Seven digits, a check letter (modulus 23), since 2013 another letter.
    code(
        "IE_PPS",
        rf"{B}\d{{7}}[ \-]?[A-W][A-IW]?{E}",
        0.85,
        lambda value: pps.is_valid(value.replace("-", "").replace(" ", "")),
        ignore_case=True,
    ),
    # No check digit: seven figures and a letter for where and when one was registered.
    code("MT_ID_CARD", rf"{B}\d{{7}} ?[MGAPLHBZ]{E}", 0.4),
    code("MT_ID_CARD", rf"{B}\d{{3,6}} ?[MGAPLHBZ]{E}", 0.1),
)
WORDS: Final = {
    "UK_NINO": ("national insurance", "ni number", "nino", "insurance number"),
    "UK_PASSPORT": ("passport", "passports"),
    "UK_DRIVING_LICENCE": ("driving licence", "driver", "licence", "dvla"),
    "IE_PPS": ("pps", "ppsn", "personal public service"),
    "MT_ID_CARD": (
        "identity card",
        "id card",
        "karta tal-identita",
        "maltese",
        "id number",
        "identity",
    ),
}
