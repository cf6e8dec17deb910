"""France."""

from __future__ import annotations

import re
from typing import Final

from stdnum.fr import nif, nir

from retrieval.redaction.recognizers.digits import STRONG, WEAK, DigitId
from retrieval.redaction.recognizers.frame import B, E, code

_NIR_WORDS: Final = (
    "nir",
    "sécurité sociale",
    "numéro de sécu",
    "carte vitale",
    "insee",
    "social security",
    "sozialversicherung",
)
_SHAPE: Final = re.compile(r"[1-478]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)")

DIGITS: Final = (
    DigitId(
        kind="FR_NIR",
        forms=("1-2-2-2-3-3-2", "1-2-2-5-3-2", "13-2", "1-14", "15", "1-2-2-2-3-5", "1-4-2-3-3-2"),
        check=nir.is_valid,
        scores=STRONG,
        words=_NIR_WORDS,
    ),
    # Without its key.
    DigitId(
        kind="FR_NIR",
        forms=("1-2-2-2-3-3", "13"),
        check=lambda digits: _SHAPE.match(digits) is not None,
        scores=(0.1, 0.4, 0.0),
        words=_NIR_WORDS,
    ),
    DigitId(
        kind="FR_TAX_ID",
        forms=("2-2-3-3-3", "4-3-3-3", "13"),
        check=nif.is_valid,
        scores=STRONG,
        words=("numéro fiscal", "spi", "référence fiscale", "impôts", "nif", "tax id"),
    ),
    DigitId(
        kind="FR_ID_CARD",
        forms=("12",),
        check=lambda _: True,
        scores=WEAK,
        words=(
            "carte d identité",
            "carte nationale",
            "cni",
            "identité",
            "permis de conduire",
            "permis",
        ),
    ),
)


def _corsican(value: str) -> bool:
    return nir.is_valid(re.sub(r"[ .\-]", "", value).upper())


PATTERNS: Final = (
    code(
        "FR_NIR",
        rf"{B}[1-478][ .\-]?\d\d[ .\-]?\d\d[ .\-]?2[AB][ .\-]?\d{{3}}[ .\-]?\d{{3}}[ .\-]?\d\d{E}",
        0.95,
        _corsican,
        ignore_case=True,
    ),
    code("FR_PASSPORT", rf"{B}\d\d ?[A-Z]{{2}} ?\d{{5}}{E}", 0.4),
)
WORDS: Final = {"FR_PASSPORT": ("passeport", "passport", "numéro de passeport")}
