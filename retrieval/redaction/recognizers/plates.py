"""Licence plates, capitals only: without regard to case "set at 5" would be one."""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.frame import B, E, PatternsRecognizer, code

_WORDS: Final = (
    "plate",
    "plates",
    "license plate",
    "licence plate",
    "number plate",
    "vehicle",
    "car",
    "van",
    "truck",
    "reg",
    "registration",
    "parked",
    "kennzeichen",
    "nummernschild",
    "auto",
    "wagen",
    "fahrzeug",
    "pkw",
    "plaque",
    "immatriculation",
    "voiture",
    "véhicule",
    "matrícula",
    "coche",
    "vehículo",
    "targa",
    "macchina",
    "veicolo",
    "kenteken",
    "driving",
    "bmw",
    "audi",
    "toyota",
    "ford",
    "volkswagen",
)
# Places that give plates, of three letters at most; those of one and two are told by the shape.
_DE: Final = r"[A-ZÄÖÜ]{1,3}"

_DUTCH_CHARS: Final = 8


def _german(value: str) -> float:
    """Hyphen and blank together ("B-MW 1234") are written on no other code."""
    if "-" in value and " " in value:
        return 0.5
    return 0.25


def plates() -> PatternsRecognizer:
    """Plates of Great Britain, Germany, France, Italy, Spain, the Netherlands, the States."""
    return PatternsRecognizer(
        "PlateRecognizer",
        (
            # Two letters, age, three letters; before 2001 a letter first or last (DVLA INF104).
            code(
                "UK_VEHICLE_REGISTRATION",
                (rf"{B}[A-HJ-PR-Y][A-HJ-PR-Y](?:0[1-9]|[1-7]\d)[ \-]?[A-HJ-PR-Z]{{3}}{E}"),
                0.5,
            ),
            code(
                "UK_VEHICLE_REGISTRATION",
                (rf"{B}[A-HJ-NPR-TV-Y]\d{{1,3}}[ \-]?[A-HJ-PR-Y][A-HJ-PR-Z]{{2}}{E}"),
                0.2,
            ),
            code(
                "UK_VEHICLE_REGISTRATION",
                rf"{B}[A-HJ-PR-Z]{{3}}[ \-]?\d{{1,3}}[ \-]?[A-HJ-NPR-TV-Y]{E}",
                0.15,
            ),
            code(
                "DE_KFZ",
                (rf"(?<![\w\-]){_DE}[ \-][A-Z]{{1,2}}[ \-]\d{{1,4}}[EH]?(?![\w\-])"),
                0.3,
                _german,
            ),
            # France since 2009, Italy since 1994; Spain since 2000 without vowels.
            code("PLATE", rf"{B}[A-HJ-NP-TV-Z]{{2}}[ \-]\d{{3}}[ \-][A-HJ-NP-TV-Z]{{2}}{E}", 0.55),
            code("PLATE", rf"{B}[A-HJ-NPR-TV-Z]{{2}}\d{{3}}[A-HJ-NPR-TV-Z]{{2}}{E}", 0.35),
            code("PLATE", rf"{B}\d{{4}}[ \-]?[BCDFGHJ-NPR-TV-Z]{{3}}{E}", 0.3),
            # Netherlands: three groups of letters or figures.
            code(
                "PLATE",
                (
                    r"(?<![\w\-])(?=[A-Z0-9\-]{0,8}[A-Z])(?=[A-Z0-9\-]{0,8}\d)(?:[A-Z]{1,3}"
                    r"|\d{1,3})-(?:[A-Z]{2,3}|\d{2,3})-(?:[A-Z]{1,2}|\d{1,2})(?![\w\-])"
                ),
                0.4,
                lambda v: len(v) == _DUTCH_CHARS,
            ),
            # States of the United States and many others: letters and figures in two groups.
            code(
                "PLATE",
                (
                    rf"{B}(?:[A-Z]{{2,3}}[ \-]?\d{{3,4}}|\d{{1,3}}[ \-]?[A-Z]{{2,3}}[ \-]?\d{{0,3}}"
                    rf"|\d[A-Z]{{3}}\d{{3}}){E}"
                ),
                0.1,
            ),
        ),
        words=dict.fromkeys(("UK_VEHICLE_REGISTRATION", "DE_KFZ", "PLATE"), _WORDS),
    )
