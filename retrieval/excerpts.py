"""The part of a text that answers, with the words that were asked for told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

LENGTH = 260
_BEFORE = 60  # characters shown before the first word that was asked for
_WORD = re.compile(r"\w+")
_ENDINGS = ("ing", "ed", "es", "s")
_STEM = 3
# Words that stand in every text say nothing about why this one was found.
_COMMON = frozenset(
    {"a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "it"}
    | {"of", "on", "or", "that", "the", "this", "to", "was", "were", "with"}
)


def excerpt(text: str, asked: str, length: int = LENGTH) -> Iterator[tuple[str, bool]]:
    """Pieces of at most ``length`` characters of ``text`` in order; True: a word of ``asked``.

    Words are the same whatever their case and English ending. For display only: which words
    counted for the search stands in its record.
    """
    wanted = {_stem(word) for word in _WORD.findall(asked.casefold()) if word not in _COMMON}
    found = [match for match in _WORD.finditer(text) if _stem(match.group().casefold()) in wanted]
    start, end = _window(text, found[0].start() if found else 0, length)
    if start:
        yield "…", False
    at = start
    for match in found:
        if match.start() < start or match.end() > end:
            continue
        if match.start() > at:
            yield text[at : match.start()], False
        yield match.group(), True
        at = match.end()
    if at < end:
        yield text[at:end], False
    if end < len(text):
        yield "…", False


def _window(text: str, first: int, length: int) -> tuple[int, int]:
    """Where to begin and end, between words where there are any."""
    if len(text) <= length:
        return 0, len(text)
    start = max(0, min(first - _BEFORE, len(text) - length))
    if start:
        space = text.find(" ", start, first)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + length)
    if end < len(text):
        space = text.rfind(" ", start + length // 2, end)
        end = space if space >= 0 else end
    return start, end


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word.removesuffix(ending)
    return word
