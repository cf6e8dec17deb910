"""Numbers that were spelled out digit by digit, as figures.

A telephone number read aloud may be written down as "five five five, oh one nine". Recognisers look
for figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "de": ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
    "fr": ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"),
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
}
_FIGURES: Final = {
    **{word: str(figure) for words in _WORDS.values() for figure, word in enumerate(words)},
    "oh": "0",
    "o": "0",
    "nought": "0",
    "zwo": "2",
    "niner": "9",
}
_EDGES: Final = re.compile(r"^\W+|\W+$")
_LEAST: Final = 4
"""Spelled digits in a row that make a number; three are still prose."""


def in_figures(words: Sequence[str]) -> list[str] | None:
    """The words, with runs of four or more spelled digits as one number in the first one's place.

    The others of a run are empty. None where there is no such run.
    """
    figures = [_figure(word) for word in words]
    out = list(words)
    changed = False
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and figures[end]:
            end += 1
        if sum(len(one) for one in figures[at:end]) >= _LEAST and any(
            _EDGES.sub("", word).lower() in _FIGURES for word in words[at:end]
        ):
            out[at:end] = ["".join(figures[at:end]), *[""] * (end - at - 1)]
            changed = True
        at = max(end, at + 1)
    return out if changed else None


def _figure(word: str) -> str:
    bare = _EDGES.sub("", word).lower()
    return bare if bare.isascii() and bare.isdigit() else _FIGURES.get(bare, "")
