"""Dates and times, and ages."""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.frame import B, E, Pattern, PatternsRecognizer

_YEAR: Final = r"(?:1[89]|20)\d\d"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
# English, German, French, Spanish, Italian, Dutch, Portuguese.
_NAME: Final = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|januar|jänner|februar|märz|mai|juni|juli|oktober|dezember"
    r"|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre"
    r"|januari|februari|maart|mei|augustus"
    r"|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|janv|févr|avr|juil|déc|mär|okt|dez"
    r"|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)\b\.?)"
)
_ORDINAL: Final = rf"{_DAY}(?:st|nd|rd|th|er|º|\.)?"
_TIME: Final = (
    r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:am|pm|a\.m\.|p\.m\.|uhr))?(?:Z|"
    r" ?[+-]\d\d:?\d\d)?"
)
_END: Final = r"(?:(?![^\W_])|(?=[Tt]\d\d:))"
_YEARS: Final = rf"(?:{_YEAR}|\d\d)"
# Those that begin with a figure, and those that begin with a name.
FIGURES_FIRST: Final = (
    rf"(?:{_YEAR}[-/. ]{_MONTH}[-/. ]{_DAY}"
    rf"|{_DAY}(?P<a>[-/.]) ?{_MONTH}(?P=a) ?{_YEARS}"
    rf"|{_MONTH}(?P<b>[-/.]){_DAY}(?P=b){_YEARS}"
    rf"|{_DAY} {_MONTH} {_YEAR}"
    rf"|{_ORDINAL},? (?:of |de |di )?{_NAME},? (?:de |del )?'?{_YEARS}"
    rf"|{_YEAR},? {_NAME} {_DAY}"
    rf"|{_DAY}[-/.]{_NAME}[-/.]{_YEARS}"
    rf"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])){_END}"
)
NAME_FIRST: Final = rf"{B}{_NAME} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}{_END}"
_WEEKDAY: Final = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|montags?|dienstags?|mittwochs?"
    r"|donnerstags?|freitags?|samstags?|sonntags?"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves"
    r"|viernes|sábado|domingo"
    r"|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica"
)
_AGO: Final = (
    r"(?:today|yesterday|tomorrow|tonight|heute|gestern|morgen|aujourd'hui|hier|demain|hoy"
    r"|ayer|oggi|ieri|domani)"
    r"|(?:last|next|this|past) (?:night|week|weekend|month|year|spring|summer|autumn|fall"
    r"|winter|\d{1,3} (?:days|weeks|months|years))"
    r"|\d{1,3} (?:days|weeks|months|years|hours|minutes) ago"
)
_CLOCK: Final = rf"(?:[T ,]{{1,2}}(?:at )?{_TIME})?"
_DATE_TIMES: Final = (
    Pattern("DATE_TIME", rf"{FIGURES_FIRST}{_CLOCK}", 0.6, ignore_case=True, where="digits"),
    Pattern("DATE_TIME", rf"{NAME_FIRST}{_CLOCK}", 0.6, ignore_case=True, where="hot"),
    Pattern(
        "DATE_TIME",
        (rf"(?:{_TIME}|\d{{1,2}} ?(?:am|pm|a\.m\.|p\.m\.|o'clock|uhr)){E}"),
        0.5,
        ignore_case=True,
        where="digits",
    ),
    Pattern(
        "DATE_TIME",
        rf"{_ORDINAL} (?:of |de |di )?{_NAME}{E}",
        0.5,
        ignore_case=True,
        where="digits",
    ),
    Pattern(
        "DATE_TIME",
        (rf"{B}(?:{_NAME} {_DAY}(?:st|nd|rd|th)?|{_NAME},? (?:de )?{_YEAR}){E}"),
        0.5,
        ignore_case=True,
        where="hot",
    ),
    Pattern("DATE_TIME", rf"(?:{_YEAR}s?|{_MONTH}/{_YEARS}){E}", 0.35, where="digits"),
    Pattern("DATE_TIME", rf"{B}(?:{_AGO}|{_WEEKDAY}){E}", 0.4, ignore_case=True),
)

_N: Final = r"(?P<value>(?:1[01]\d|[1-9]?\d)(?:\.5)?)"
_AGES: Final = (
    Pattern(
        "AGE",
        (rf"{B}{_N}[- ]?(?:years?|yrs?|months?|weeks?)[- ]?(?:old|of age){E}"),
        0.8,
        ignore_case=True,
        where="digits",
    ),
    Pattern("AGE", rf"{B}{_N} ?(?:y/?o|yo|yrs|y\.o\.){E}", 0.6, ignore_case=True, where="digits"),
    Pattern(
        "AGE",
        (
            rf"{B}(?:aged?|age of|aging|turns?|turned|turning|alter|edad|età|âge|leeftijd"
            rf"|idade)[:=]? ?(?:is |of |from |von |de )?{_N}{E}(?! ?[%$€])"
        ),
        0.6,
        ignore_case=True,
        where="hot",
    ),
    Pattern(
        "AGE",
        (
            rf"{B}{_N} (?:jahre alt|jahre|jähriger?|jährige|ans|años|anni|jaar oud|anos de idade|år"
            rf" gammal){E}"
        ),
        0.5,
        ignore_case=True,
        where="digits",
    ),
    Pattern("AGE", rf"{B}{_N}-(?:jähriger?|jährigen?){E}", 0.8, ignore_case=True, where="digits"),
    Pattern(
        "AGE",
        (
            rf"{B}(?:i am|i'm|she is|he is|she's|he's|who is|they are|is now) {_N}(?=[.,;!?]| and |"
            r" but | years|$)"
        ),
        0.5,
        ignore_case=True,
        where="hot",
    ),
    Pattern(
        "AGE",
        (rf"{B}(?:when (?:he|she|they|i) (?:was|were|is)|at the age of|at age) {_N}{E}"),
        0.6,
        ignore_case=True,
        where="hot",
    ),
    Pattern("AGE", rf"\b[A-Z][a-z]+, {_N},", 0.4, where="hot"),
    Pattern(
        "AGE",
        (
            rf"{B}(?:in (?:his|her|their) )(?P<value>(?:early |mid-?|late )?(?:teens|twenties"
            rf"|thirties|forties|fifties|sixties|seventies|eighties|nineties|[2-9]0s)){E}"
        ),
        0.5,
        ignore_case=True,
        hints=("in his ", "in her ", "in their "),
    ),
    Pattern(
        "AGE", rf"{B}{_N}[- ]?(?:m|f|male|female)\b(?=[ ,/])", 0.3, ignore_case=True, where="digits"
    ),
)


def dates() -> PatternsRecognizer:
    """Dates and times in every usual form."""
    return PatternsRecognizer("DateRecognizer", _DATE_TIMES, needs="")


def ages() -> PatternsRecognizer:
    """Ages, by the words around them; the number alone is taken out."""
    return PatternsRecognizer("AgeRecognizer", _AGES, needs="")
