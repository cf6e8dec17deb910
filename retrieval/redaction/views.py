"""Other ways of reading a stretch of text: broken lines joined, mark-up gone, codes decoded.

Each way is a list of edits. They are made in short stretches around them, so that reading a text a
second time costs little, and what is found there counts only if it needed an edit to be seen.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from retrieval.redaction.spans import outside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from retrieval.redaction.base import Finding

# Room for a context word before, and for the longest thing behind.
_BEFORE: Final = 60
_AFTER: Final = 120
_MAX_STRETCH: Final = 3_000

# A line break inside something without blanks; quoting and comment marks of the next line go too.
# An underscore, a hyphen or a dot at the end of the line belongs to what goes on.
_BREAK: Final = re.compile(
    r"(?<=\S)[ \t]{0,8}\r?\n[ \t]{0,40}(?:(?:>|\*|#|//|\|)[ \t]{0,8}){0,4}(?=\S)"
)
# A number goes on: the break stands for a blank.
_DIGIT_BREAK: Final = re.compile(
    r"(?<=[0-9)])[ \t]{0,8}\r?\n[ \t]{0,40}(?:(?:>|\*|#|//|\|)[ \t]{0,8}){0,4}(?=[(0-9])"
)
_PART: Final = r"[^\s,;|\"'<>()\[\]{}]"
_TAIL: Final = re.compile(_PART + r"{1,80}$")
_HEAD: Final = re.compile(_PART + r"{1,80}")
_LONG: Final = 12
_FEW_DIGITS: Final = 4
_MANY_DIGITS: Final = 8
_TAG: Final = re.compile(
    r"(?<=\S)(?:</?[A-Za-z][A-Za-z0-9]{0,15}(?:\s[^<>\n]{0,120})?/?>){1,4}(?=\S)"
)
_CODE: Final = re.compile(
    r"%(?P<percent>[2-7][0-9A-Fa-f])|&#(?P<decimal>\d{2,5});|&#[xX](?P<hex>[0-9a-fA-F]{2,5});"
    r"|&(?P<name>commat|period|lowbar|hyphen|dash|nbsp|plus|colon|sol|num|lpar|rpar|shy|zwj|zwnj);"
    r"|\\u(?P<escape>00[2-7][0-9a-fA-F])|\\x(?P<byte>[2-7][0-9a-fA-F])"
    r"|=(?P<quoted>[2-7][0-9A-F])(?=\S)"
)
_CODED: Final = re.compile(r"%[2-7]|&[#a-z]|\\[ux]|=[2-7]")
# Soft hyphens and joiners, and the dash that some write for a wrapped line.
_VANISH: Final = frozenset("\u00ad\u200b\u200c\u200d")
# Kinds that have no check digit to say where they end.
_OPEN_ENDED: Final = frozenset({"EMAIL_ADDRESS", "URL", "USERNAME", "API_KEY", "PASSWORD", "JWT"})
# A line that ends in a letter or figure.
_STOPS: Final = re.compile(r"[^\W_][ \t]{0,8}\r?\n")
_GLUED: Final = re.compile(r"(?<=[0-9])_(?=[^\W_])|(?<=[^\W_])_(?=[0-9])")
_BETWEEN: Final = re.compile(r"(?<=[0-9])[ .\-]{1,3}(?=[0-9])")
# Letters written for figures among figures.
_LOOKS: Final = re.compile(
    r"(?<![A-Za-z])(?=[0-9OolISB \-]{0,24}[OolISB])[0-9OolISB](?:[ \-]?[0-9OolISB]){7,24}"
    r"(?![A-Za-z])"
)
_FIGURE: Final = {"O": "0", "o": "0", "l": "1", "I": "1", "S": "5", "B": "8"}

Edit = tuple[int, int, str]
"""Start, end and what stands there instead: nothing, or one character."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One stretch as edited; ``starts`` and ``ends`` lead each character back to the original."""

    text: str
    starts: list[int]
    ends: list[int]
    edits: list[Edit]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original text of the span ``start:end`` of ``text`` (not empty)."""
        return self.starts[start], self.ends[end - 1]

    def edited(self, start: int, end: int) -> bool:
        """Whether an edit was made within the span ``start:end`` of the *original*."""
        at = bisect_left(self.edits, (start, 0, ""))
        return at < len(self.edits) and self.edits[at][1] <= end


def readings(text: str) -> Iterator[Reading]:
    """Every stretch of ``text`` that reads differently with breaks, mark-up and codes undone."""
    yield from _stretches(text, _apart([*_breaks(text), *_tags(text), *_codes(text)]))
    yield from _stretches(text, [(m.start(), m.end(), " ") for m in _GLUED.finditer(text)])
    yield from _stretches(text, [(m.start(), m.end(), " ") for m in _DIGIT_BREAK.finditer(text)])
    yield from _stretches(text, _apart(_figures(text)))


def squeezed(text: str) -> Iterator[Reading]:
    """For the second look: stretches with nothing between figures, in lower case."""
    edits = [(m.start(), m.end(), "") for m in _BETWEEN.finditer(text)]
    for reading in _stretches(text, edits):
        lowered = reading.text.lower()
        if len(lowered) == len(reading.text):
            yield replace(reading, text=lowered)


def _breaks(text: str) -> Iterator[Edit]:
    if "\n" not in text:
        return
    for match in _BREAK.finditer(text):
        tail = _TAIL.search(text, max(0, match.start() - 80), match.start())
        head = _HEAD.match(text, match.end())
        if tail and head and _one(tail[0], head[0]):
            yield match.start(), match.end(), ""


def _one(tail: str, head: str) -> bool:
    """Whether the end of one line and the beginning of the next may be two parts of one thing."""
    if "@" in tail or "@" in head or "%40" in tail or "%40" in head:
        return True
    digits = sum(map(str.isdigit, tail)), sum(map(str.isdigit, head))
    if all(digits) and sum(digits) >= _MANY_DIGITS:
        return True
    # Keys, account numbers: long, and with figures in them.
    return len(tail) >= _LONG and len(head) >= _FEW_DIGITS and sum(digits) >= _FEW_DIGITS


def _tags(text: str) -> Iterator[Edit]:
    if "<" in text and ">" in text:
        for match in _TAG.finditer(text):
            yield match.start(), match.end(), ""


def _codes(text: str) -> Iterator[Edit]:
    for match in _CODE.finditer(text) if _CODED.search(text) else ():
        char = _decoded(match)
        if char is not None:
            yield match.start(), match.end(), char


def _decoded(match: re.Match[str]) -> str | None:
    kind, value = match.lastgroup, match[match.lastgroup or 0]
    if kind == "name":
        char = html.unescape(match[0])
    else:
        char = chr(int(value, 10 if kind == "decimal" else 16))
    if char in _VANISH:
        return ""
    return char if len(char) == 1 and char.isprintable() else None


def _figures(text: str) -> Iterator[Edit]:
    for run in _LOOKS.finditer(text):
        if sum(map(str.isdigit, run[0])) >= _FEW_DIGITS:
            for at, char in enumerate(run[0], run.start()):
                if char in _FIGURE:
                    yield at, at + 1, _FIGURE[char]


def _apart(edits: Iterable[Edit]) -> list[Edit]:
    """Edits in order, the later of two that overlap left out."""
    kept: list[Edit] = []
    for edit in sorted(edits):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


def _stretches(text: str, edits: list[Edit]) -> Iterator[Reading]:
    group: list[Edit] = []
    for edit in edits:
        if group and (
            edit[0] - group[-1][1] > _BEFORE + _AFTER or edit[0] - group[0][0] > _MAX_STRETCH
        ):
            yield _reading(text, group)
            # What lies across the end of a stretch that grew too long is seen in the next.
            group = [e for e in group if e[0] >= edit[0] - _AFTER]
        group.append(edit)
    if group:
        yield _reading(text, group)


def _reading(text: str, edits: list[Edit]) -> Reading:
    begin = max(0, edits[0][0] - _BEFORE)
    finish = min(len(text), edits[-1][1] + _AFTER)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = begin
    for start, end, instead in edits:
        pieces += (text[done:start], instead)
        starts += range(done, start)
        ends += range(done + 1, start + 1)
        if instead:
            starts.append(start)
            ends.append(end)
        done = end
    pieces.append(text[done:finish])
    starts += range(done, finish)
    ends += range(done + 1, finish + 1)
    return Reading("".join(pieces), starts, ends, edits)


def sensible(text: str, more: Iterable[Finding], found: Sequence[Finding]) -> list[Finding]:
    """``more`` without what only glued the next line to something found already.

    Where a line ends in the middle of a word, nothing tells ``x.org`` and ``Thanks`` on the next
    one from two halves: only a hyphen, a dot and the like at the end of the line speak for it.
    """
    candidates = list(more)
    apart = set(outside(candidates, found))
    return [
        one
        for one in candidates
        if one.kind not in _OPEN_ENDED or one in apart or _goes_on(text[one.start : one.end])
    ]


def _goes_on(value: str) -> bool:
    return not _STOPS.search(value)
