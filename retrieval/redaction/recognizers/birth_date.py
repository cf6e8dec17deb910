"""Dates of birth: dates that a word nearby calls so."""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.dates import FIGURES_FIRST, NAME_FIRST
from retrieval.redaction.recognizers.frame import Pattern, PatternsRecognizer

_WORDS: Final = (
    "born",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "d0b",  # as OCR reads it now and then
    "d.o.b.",
    "bday",
    "geboren",
    "geburtsdatum",
    "geburtstag",
    "geb",
    "né le",
    "née le",
    "né en",
    "née en",
    "naissance",
    "nacido",
    "nacida",
    "nacimiento",
    "nacio",
    "cumpleaños",
    "nato",
    "nata",
    "nascita",
    "geboortedatum",
    "geboren op",
    "nascido",
    "nascida",
    "nascimento",
    "född",
    "født",
    "syntynyt",
    "urodzony",
    "urodzona",
    "urodzenia",
    "narozen",
    "narodený",
    "született",
    "născut",
    "roden",
    "gimęs",
    "dzimis",
    "sündinud",
)
_SCORE: Final = 0.1


def birth_dates() -> PatternsRecognizer:
    """Dates in figures or with a month's name: 0.1 alone, 0.45 beside a word such as "born"."""
    patterns = (
        Pattern("DATE_OF_BIRTH", FIGURES_FIRST, _SCORE, ignore_case=True, where="digits"),
        Pattern("DATE_OF_BIRTH", NAME_FIRST, _SCORE, ignore_case=True, where="hot"),
    )
    return PatternsRecognizer("BirthDateRecognizer", patterns, words={"DATE_OF_BIRTH": _WORDS})
