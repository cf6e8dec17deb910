"""Findings of one text put together: overlaps, the words never taken out, those always."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from retrieval.redaction.context import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from retrieval.redaction.base import Finding

# Between the letters of one word: a hyphen and a line break, or what is not seen at all.
_BROKEN: Final = r"(?:-?[ \t]{0,8}\r?\n[ \t>*#/|]{0,16}|-)"
_BETWEEN: Final = r"[\W_]{1,24}"
_WORD: Final = re.compile(r"[^\W_]+")
_BEYOND_DOUBT: Final = 1.0
_RIVAL: Final = 0.7
_DOUBTFUL: Final = 0.62
DENY_LIST: Final = "deny-list"
_FIRST_LETTERS: Final = 3


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Overlapping findings as one that covers them all, named after the surest, then the longest.

    Cutting an overlap would leave the rest of the weaker match in the text.
    """
    result: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        if result and finding.start < result[-1].end:
            last = result[-1]
            best = max(last, finding, key=lambda f: (f.score, f.end - f.start))
            result[-1] = replace(best, start=last.start, end=max(last.end, finding.end))
        else:
            result.append(finding)
    return result


def settled(findings: Iterable[Finding]) -> list[Finding]:
    """``findings`` without the doubtful ones that overlap one beyond doubt.

    A house number before a card makes a telephone number with the card's first groups: what is left
    of such a match when the card is gone has to stand on its own, and is looked at again.
    """
    every = list(findings)
    sure = merged(one for one in every if one.score >= _BEYOND_DOUBT)
    if not sure:
        return every
    doubtful = [one for one in every if one.score < _DOUBTFUL]
    return [one for one in every if one.score >= _DOUBTFUL] + outside(doubtful, sure)


def won(findings: Sequence[Finding], *, kept: frozenset[str]) -> list[Finding]:
    """``findings`` without kinds in ``kept``, and without the less sure ones that overlap those."""
    if not kept:
        return list(findings)
    rivals = merged(one for one in findings if one.kind in kept and one.score >= _RIVAL)
    others = [one for one in findings if one.kind not in kept]
    if not rivals:
        return others
    least = min(rival.score for rival in rivals)
    return [one for one in others if one.score >= least] + outside(
        [one for one in others if one.score < least], rivals
    )


def outside(findings: Iterable[Finding], taken: Sequence[Finding]) -> list[Finding]:
    """``findings`` that touch none of ``taken`` (ordered, not overlapping)."""
    starts = [one.start for one in taken]
    kept = []
    for finding in findings:
        at = bisect_right(starts, finding.start)
        before = at > 0 and taken[at - 1].end > finding.start
        behind = at < len(taken) and taken[at].start < finding.end
        if not before and not behind:
            kept.append(finding)
    return kept


def not_allowed(text: str, findings: Sequence[Finding], allow: tuple[str, ...]) -> list[Finding]:
    """``findings`` without those that lie within a phrase of ``allow`` in ``text``.

    Phrases match whole words, whatever the case, accents and blanks between words.
    """
    if not allow or not findings:
        return list(findings)
    allowed = sorted(_phrases(text, allow, broken=False))
    kept = []
    for finding in findings:
        first, last = _letters(text, finding)
        if not any(start <= first and last <= end for start, end in allowed):
            kept.append(finding)
    return kept


def _letters(text: str, finding: Finding) -> tuple[int, int]:
    """The span of ``finding`` without the punctuation at its ends."""
    first, last = finding.start, finding.end
    while first < last and not text[first].isalnum():
        first += 1
    while last > first and not text[last - 1].isalnum():
        last -= 1
    return first, last


def denied(text: str, deny: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Where a phrase of ``deny`` stands in ``text``, also across line breaks and hyphenation."""
    if deny:
        yield from _phrases(text, deny, broken=True)


def _phrases(text: str, phrases: tuple[str, ...], *, broken: bool) -> Iterator[tuple[int, int]]:
    patterns = _compiled(phrases, broken=broken)
    folded = _folded(text)
    for word in _WORD.finditer(folded):
        for pattern in patterns.get(word[0][:_FIRST_LETTERS], ()):
            match = pattern.match(folded, word.start())
            if match:
                yield match.span()


@lru_cache(maxsize=16)
def _compiled(phrases: tuple[str, ...], *, broken: bool) -> dict[str, list[re.Pattern[str]]]:
    """Patterns by their first letters, so that few are tried at each word.

    One that may be broken within those is filed under fewer of them too.
    """
    patterns: dict[str, list[re.Pattern[str]]] = {}
    for phrase in phrases:
        words = _WORD.findall(_folded(phrase))
        if not words:
            continue
        inner = f"{_BROKEN}?" if broken else ""
        spelled = _BETWEEN.join(inner.join(map(re.escape, word)) for word in words)
        pattern = re.compile(spelled + r"(?![^\W_])")
        head = words[0][:_FIRST_LETTERS]
        # A word of the text that is shorter than the head may be its beginning.
        for length in {len(head), *(range(1, len(head)) if broken else ())}:
            patterns.setdefault(head[:length], []).append(pattern)
    return patterns


def _folded(text: str) -> str:
    """``text`` without case and accents, character for character."""
    if text.isascii():
        return text.lower()
    return "".join(_fold_one(char) for char in text)


@lru_cache(maxsize=8192)
def _fold_one(char: str) -> str:
    folded = fold(char)
    return folded if len(folded) == 1 else char
