"""Netherlands, Belgium and Luxembourg."""

from __future__ import annotations

from typing import Final

from stdnum import verhoeff
from stdnum.be import bis, nn
from stdnum.nl import bsn

from retrieval.redaction.recognizers.digits import FAIR, STRONG, WEAK, DigitId, luhn, number
from retrieval.redaction.recognizers.frame import B, E, code

_MODULUS: Final = 97


def _card(digits: str) -> bool:
    """Belgian identity cards: the first ten digits modulo 97, 97 for 0."""
    return (int(digits[:10]) % _MODULUS or _MODULUS) == int(digits[10:])


def _matricule(digits: str) -> bool:
    """Luxembourg: year, month, day, serial, a Luhn and a Verhoeff digit over the first eleven.

    Loi du 19 juin 2013 relative à l'identification des personnes physiques.
    """
    month, day = int(digits[4:6]), int(digits[6:8])
    plausible = digits[:2] in {"18", "19", "20"} and 1 <= month <= 12 and 1 <= day <= 31  # noqa: PLR2004
    return plausible and luhn(digits[:12]) and verhoeff.is_valid(digits[:11] + digits[12])


DIGITS: Final = (
    DigitId(
        kind="NL_BSN",
        forms=("3-3-3", "4-2-3", "2-3-4", "9", "4-3-2", "3-2-4"),
        check=number(bsn.is_valid),
        scores=FAIR,
        words=("bsn", "burgerservicenummer", "sofinummer", "sofi", "citizen service"),
    ),
    DigitId(
        kind="BE_NN",
        forms=("2-2-2-3-2", "6-3-2", "6-5", "2-2-2-5", "11"),
        check=lambda digits: nn.is_valid(digits) or bis.is_valid(digits),
        scores=STRONG,
        words=(
            "rijksregisternummer",
            "registre national",
            "niss",
            "insz",
            "national number",
            "rrn",
            "nationalregister",
        ),
    ),
    DigitId(
        kind="BE_ID_CARD",
        forms=("3-7-2", "12"),
        check=_card,
        scores=STRONG,
        words=("identiteitskaart", "carte d identité", "identity card", "eid"),
    ),
    DigitId(
        kind="LU_MATRICULE",
        forms=("4-2-2-3-2", "8-5", "4-4-5", "13", "4-4-3-2", "8-3-2"),
        check=_matricule,
        scores=STRONG,
        words=("matricule", "ccss", "cnsap", "numéro national", "identification"),
    ),
    DigitId(
        kind="NL_DRIVING_LICENCE",
        forms=("10",),
        check=lambda _: True,
        scores=WEAK,
        words=("rijbewijs", "rijbewijsnummer"),
    ),
)
PATTERNS: Final = (
    code("NL_ID_CARD", rf"{B}[A-NP-Z]{{2}}[A-NP-Z0-9]{{6}}\d{E}", 0.1),
    code("BE_PASSPORT", rf"{B}[A-Z]{{2}}\d{{6}}{E}", 0.1),
)
WORDS: Final = {
    "NL_ID_CARD": ("paspoort", "identiteitskaart", "paspoortnummer", "documentnummer", "passport"),
    "BE_PASSPORT": ("paspoort", "passeport", "passport", "reisepass"),
}
