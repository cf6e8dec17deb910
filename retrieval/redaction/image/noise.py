"""Other spellings of what was read, in which identifiers show that reading has bent.

A recogniser takes a one for a small L, an oh for a nought, leaves out or puts in blanks around an
at sign. These spellings are only analysed, never kept: every character stays where it stood.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from retrieval.redaction.image.script import Script

# Letters and signs that PP-OCR and Tesseract gave for digits on our own development documents.
_MISREAD: Final = {
    **dict.fromkeys("OoQD", "0"),
    **dict.fromkeys("lI|!i][", "1"),
    **dict.fromkeys("Zz", "2"),
    **dict.fromkeys("Ss", "5"),
    **dict.fromkeys("Gb", "6"),
    **dict.fromkeys("B", "8"),
    **dict.fromkeys("gq", "9"),
}
_DIGITS: Final = str.maketrans(_MISREAD)
_TOKEN: Final = re.compile(r"[^\s\-./:,;()+]+")
_AT: Final = re.compile(r"(?<=\w)(\s?)[©®](\s?)(?=\w)")
_ADDRESS: Final = re.compile(r"[\w.+-]+(?:[ \t]*[._+-][ \t]*[\w+-]+){0,4}[ \t]*@[^\n@]{1,80}")
_BLANK: Final = re.compile(r"[ \t]+")
_JOINTS: Final = frozenset("@._-+,")


def digits(script: Script) -> Script:
    """Letters that stand for digits made digits, in words of digits and such letters alone."""
    pieces = list(script.text)
    tokens = list(_TOKEN.finditer(script.text))
    alike = [all(char.isdigit() or char in _MISREAD for char in match[0]) for match in tokens]
    real = [
        same and any(map(str.isdigit, match[0])) for same, match in zip(alike, tokens, strict=True)
    ]
    for place, match in enumerate(tokens):
        if alike[place] and any(real[max(0, place - 1) : place + 2]):
            pieces[match.start() : match.end()] = match[0].translate(_DIGITS)
    return script.changed("".join(pieces))


def closed(script: Script) -> Script:
    """Blanks taken out around the joints of what looks like an e-mail address."""
    script = script.changed(_AT.sub(r"\1@\2", script.text))
    text = script.text
    blanks: list[tuple[int, int]] = []
    for match in _ADDRESS.finditer(text):
        for blank in _BLANK.finditer(text, match.start(), match.end()):
            beside = {text[blank.start() - 1 : blank.start()], text[blank.end() : blank.end() + 1]}
            if beside & _JOINTS:
                blanks.append(blank.span())
    return script.without(blanks)
