"""Dates of birth: dates that a word nearby calls so."""

from __future__ import annotations

from typing import Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from presidio_analyzer import Pattern, PatternRecognizer

_YEAR: Final = r"(?:19|20)\d\d"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_NAME: Final = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|janv|févr|mars|avr|mai|juin|juil|août|sept|déc|"
    r"mär|okt|dez|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)\p{L}{0,7}\.?"
)
_ORDINAL_DAY: Final = rf"{_DAY}(?:st|nd|rd|th|er|\.)?"
_CONTEXT: Final = [
    "born",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "d.o.b.",
    "geboren",
    "geburtsdatum",
    "geburtstag",
    "geb",
    "né le",
    "née le",
    "naissance",
    "nacido",
    "nacida",
    "nacimiento",
    "nato",
    "nata",
    "nascita",
    "geboortedatum",
]
_SCORE: Final = 0.1


class BirthDateRecognizer(PatternRecognizer):
    """Dates in figures or with a month's name.

    0.1 alone, 0.45 beside a word such as "born" or "DOB".
    """

    def __init__(self) -> None:
        """Month names of English, German, French, Spanish and Italian."""
        super().__init__(
            supported_entity="DATE_OF_BIRTH",
            supported_language="en",
            patterns=[
                Pattern("y-m-d", rf"\b{_YEAR}[-/. ]{_MONTH}[-/. ]{_DAY}\b", _SCORE),
                Pattern("d-m-y", rf"\b{_DAY}[-/.]{_MONTH}[-/.](?:{_YEAR}|\d\d)\b", _SCORE),
                Pattern("m-d-y", rf"\b{_MONTH}[-/.]{_DAY}[-/.](?:{_YEAR}|\d\d)\b", _SCORE),
                Pattern(
                    "d name y",
                    rf"\b{_ORDINAL_DAY},? (?:of |de )?{_NAME},? (?:de )?{_YEAR}\b",
                    _SCORE,
                ),
                Pattern("name d y", rf"\b{_NAME} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}\b", _SCORE),
            ],
            context=_CONTEXT,
        )
