"""A view of a text in which tricks of writing are undone, with offsets back into the original.

Zero-width and direction marks vanish; digits of any script, full-width and mathematical letters,
exotic spaces, dashes and dots become their ASCII forms; Cyrillic, Greek and Armenian letters that
look like Latin ones become those (after Unicode TR 39, "confusables", pairs that occur in e-mail
addresses and document numbers) in words that hold Latin letters or digits as well: a word wholly in
its own script stays readable for those who look for names. Only analysis reads this view: what is
kept of a text is kept as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

# Cf characters that are drawn with no width, and the soft hyphen.
_INVISIBLE: Final = frozenset(
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"
)
_FOLDED: Final = {
    **dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
        " ",
    ),
    **dict.fromkeys("\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2024\u3002\uff0e\uff61", "."),
    **dict.fromkeys("\ufe6b\uff20", "@"),
    **dict.fromkeys("\u0085\u2028\u2029", "\n"),
}
_ALIKE: Final = {
    **dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d",
            "aeopcyxijshdqw",
            strict=True,
        )
    ),
    **dict(
        zip(
            "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405\u0423",
            "ABEKMHOPCTXIJSY",
            strict=True,
        )
    ),
    **dict(
        zip(
            "\u03bf\u03b1\u03bd\u03c1\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
            "oavpABEZHIKMNOPTYX",
            strict=True,
        )
    ),
    # Palochka, dotless i, script small g and alpha, Armenian oh, vo and so.
    **dict(zip("\u04cf\u0131\u0261\u0251\u0585\u0578\u057d\u04c0", "ligaonul", strict=True)),
}
_ALIKE_TABLE: Final = str.maketrans(_ALIKE)
_ALIKE_CLASS: Final = "[" + "".join(_ALIKE) + "]"
# A run without blanks, of bounded length, around a letter that looks like a Latin one.
_ALIKE_WORD: Final = re.compile(rf"[^\s{_ALIKE_CLASS[1:-1]}]{{0,256}}{_ALIKE_CLASS}\S{{0,256}}")
_MARKS: Final = re.compile(r"[\u0300-\u036f\u3099\u309a]{1,8}")
_LATIN: Final = re.compile(r"[A-Za-z0-9@]")


@dataclass(frozen=True, slots=True)
class Normalised:
    """``text`` to analyse; ``shifts[i]`` characters are left out before its ``cuts[i]``."""

    text: str
    cuts: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original of the span ``start:end`` of ``text`` (not empty)."""
        return self._position(start), self._position(end - 1) + 1

    def _position(self, index: int) -> int:
        at = bisect_right(self.cuts, index)
        return index + (self.shifts[at - 1] if at else 0)


def normalise(text: str) -> Normalised:
    """The analysable view of ``text``; for ASCII the text itself."""
    if text.isascii():
        return Normalised(text)
    text, joined = _composed(text)
    table = {ord(char): _fold(char) for char in set(text) if not char.isascii()}
    if not joined and not any(char in _INVISIBLE for char in map(chr, table)):
        return Normalised(_unlike(text.translate(table)))
    pieces: list[str] = []
    cuts: list[int] = []
    shifts: list[int] = []
    gone = start = 0
    for index, char in enumerate(text):
        if char in _INVISIBLE or index in joined:
            pieces.append(text[start:index])
            start = index + 1
            gone += 1
            cut = start - gone
            if cuts and cuts[-1] == cut:
                shifts[-1] = gone
            else:
                cuts.append(cut)
                shifts.append(gone)
    pieces.append(text[start:])
    return Normalised(_unlike("".join(pieces).translate(table)), tuple(cuts), tuple(shifts))


def _composed(text: str) -> tuple[str, frozenset[int]]:
    """``text`` with letters and the accents written after them made one, and where those stood."""
    chars: list[str] = []
    joined: set[int] = set()
    for mark in _MARKS.finditer(text):
        chars = chars or list(text)
        base = mark.start() - 1
        for at in range(mark.start(), mark.end()):
            together = unicodedata.normalize("NFC", chars[base] + chars[at]) if base >= 0 else ""
            if len(together) == 1:
                chars[base] = together
                joined.add(at)
    return ("".join(chars) if joined else text), frozenset(joined)


def _unlike(text: str) -> str:
    """``text`` with letters that look like Latin ones made so in words of mixed script."""
    return _ALIKE_WORD.sub(
        lambda word: word[0].translate(_ALIKE_TABLE) if _LATIN.search(word[0]) else word[0], text
    )


def _fold(char: str) -> str:
    """One character for one character, so that offsets hold."""
    if char in _FOLDED:
        return _FOLDED[char]
    decimal = unicodedata.decimal(char, None)
    if decimal is not None:
        return str(decimal)
    folded = unicodedata.normalize("NFKC", char)
    return folded if len(folded) == 1 and folded.isascii() else char
