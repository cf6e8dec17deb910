"""What scans, tweets and forms do to a text, with its labels carried along."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from retrieval.redaction.ner.training.sentences import Labelled

if TYPE_CHECKING:
    from random import Random

_LIKE: Final = {
    "l": "1I",
    "O": "0",
    "o": "0",
    "I": "l1",
    "S": "5",
    "e": "c",
    "i": "l",
    "B": "8",
    "t": "f",
}
_BLOCK: Final = "\u2588"
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_UPPER: Final = 0.08
_LOWER: Final = 0.10
_TITLE: Final = 0.02
_NOISE: Final = 0.07
_NOISE_RATE: Final = 0.03


def augment(item: Labelled, random: Random) -> Labelled:
    """The item in capitals, in small letters, with noise, or as it was."""
    drawn = random.random()
    if drawn < _UPPER:
        return _mapped(item, str.upper)
    if drawn < _UPPER + _LOWER:
        return _mapped(item, str.lower)
    if drawn < _UPPER + _LOWER + _TITLE:
        return _mapped(item, str.title)
    if drawn < _UPPER + _LOWER + _TITLE + _NOISE:
        return _noisy(item, random)
    return item


def _mapped(item: Labelled, change: object) -> Labelled:
    text = change(item.text)  # type: ignore[operator] # a method of str
    return Labelled(text, item.spans) if len(text) == len(item.text) else item


def _noisy(item: Labelled, random: Random) -> Labelled:
    """Letters read wrongly, one for one."""
    letters = [
        random.choice(_LIKE[c]) if c in _LIKE and random.random() < _NOISE_RATE else c
        for c in item.text
    ]
    return Labelled("".join(letters), item.spans)


def planted(item: Labelled, name: str, random: Random) -> Labelled:
    """The item with one word outside its spans replaced by a person's name."""
    words = [
        match.span()
        for match in _WORD.finditer(item.text)
        if not any(start < match.end() and match.start() < end for start, end, _ in item.spans)
    ]
    if not words:
        return item
    start, end = random.choice(words)
    moved = len(name) - (end - start)
    spans = [
        (s, e, label) if e <= start else (s + moved, e + moved, label) for s, e, label in item.spans
    ]
    spans.append((start, start + len(name), "PERSON"))
    return Labelled(item.text[:start] + name + item.text[end:], tuple(sorted(spans)))


def blanked(item: Labelled, random: Random) -> Labelled:
    """The item with most of its spans taken out: blocks instead of letters, and no label."""
    text = item.text
    kept: list[tuple[int, int, str]] = []
    for start, end, label in item.spans:
        if random.random() < 0.8:
            text = text[:start] + _BLOCK * (end - start) + text[end:]
        else:
            kept.append((start, end, label))
    return Labelled(text, tuple(kept))


def joined(items: list[Labelled], random: Random) -> Labelled:
    """Several items as one document, glued by a space, a line or an empty line."""
    text = ""
    spans: list[tuple[int, int, str]] = []
    for item in items:
        if text:
            text += random.choice((" ", " ", "\n", "\n\n"))
        spans += [(start + len(text), end + len(text), label) for start, end, label in item.spans]
        text += item.text
    return Labelled(text, tuple(spans))
