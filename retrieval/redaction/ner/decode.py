"""Probabilities a word made into spans with a score each."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from retrieval.redaction.ner.tagger import LABELS, NUMBER, OUTSIDE, PROBABILITIES
from retrieval.redaction.ner.words import SPLIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from spacy.tokens import Doc

KINDS: Final = tuple(label for label in LABELS if label not in (OUTSIDE, NUMBER))
PERSON: Final = "PERSON"
# Spans are cut at these levels: a span's score is the level that all of its words reach, so that
# any threshold of a profile takes exactly the words that reach it.
LEVELS: Final = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# Names begin and end with letters; so do the others, but for these.
_WITH_DIGITS: Final = frozenset({"ADDRESS", "AGE", "DATE_TIME", "ORGANIZATION"})
# What is misread in pictures: an address has a word of three letters or a number of three digits; a
# short word with capitals in odd places is no name.
_ADDRESS: Final = "ADDRESS"
_ADDRESS_PART: Final = re.compile(r"[^\W\d_]{3}|\d{3}")
_ODD: Final = re.compile(r"[A-Za-z]|(?=.{2,4}$)(?:[a-z]+[A-Z]\w*|[A-Z]{2,}[a-z]\w*)|[\W_]+")
# An address of one or two words, none with a capital, is rather a page, a price or a year ("page
# 312"): sure enough for the eager profile, not for the usual one.
_SMALL_ADDRESS_WORDS: Final = 2
_DOUBTED: Final = 0.35
# Words that are never a name on their own, however oddly they stand.
_NEVER_WORDS: Final = (
    "a an and are as at be but by can did do does for from had has have he her here him "
    "his how i if in is it its me my no not of ok on or our she so that the their them "
    "then there they this to us was we were what when where which who why with yes you "
    "your"
)
_NEVER: Final = frozenset(_NEVER_WORDS.split())
# Nor are these, which are family names too, when written small and alone.
_SMALL_WORDS: Final = (
    "black blue brown corner field gray green grey hill king lake park pink pool puppies puppy "
    "purple red river sand stone summer white winter wolf wood yellow young"
)
_NEVER_SMALL: Final = frozenset(_SMALL_WORDS.split())


@dataclass(frozen=True, slots=True)
class NameSpan:
    """Characters ``start:end`` of a text, what they are, and how sure (0..1, higher is surer)."""

    start: int
    end: int
    kind: str
    score: float


def spans(
    words: Sequence[str], starts: Sequence[int], probabilities: npt.NDArray[np.float32]
) -> list[NameSpan]:
    """Spans of all levels, nested where a part of a name is surer than the whole.

    ``probabilities`` is (words, LABELS). A word's kind is its likeliest; its score is the
    probability that it is personal at all. Where PERSON comes second its own probability counts:
    a profile that keeps places must not keep a person who might be one.
    """
    if not len(words):
        return []
    columns = [LABELS.index(kind) for kind in KINDS]
    each = probabilities[:, columns]
    kinds = each.argmax(axis=1)
    personal = each.sum(axis=1)
    person = KINDS.index(PERSON)
    found = list(_nested(words, starts, kinds, personal))
    second = np.where(kinds == person, 0.0, each[:, person])
    found += _nested(words, starts, np.full_like(kinds, person), second)
    return found


def spans_of(doc: Doc) -> list[NameSpan]:
    """``spans`` of a document that went through the pipeline."""
    words, starts = doc.user_data[SPLIT]
    return spans(words, starts, doc.user_data[PROBABILITIES])


def _nested(
    words: Sequence[str],
    starts: Sequence[int],
    kinds: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
) -> Iterator[NameSpan]:
    last: set[tuple[int, int]] = set()
    for level in reversed(LEVELS):
        reached = scores >= level
        if not reached.any():
            continue
        now = set(_runs(reached, kinds))
        for begin, end in sorted(now - last):
            span = _span(words, starts, begin, end, KINDS[int(kinds[begin])], level)
            if span is not None:
                yield span
        last = now


def _runs(
    reached: npt.NDArray[np.bool_], kinds: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    """(begin, end) of neighbouring words that are reached and of one kind."""
    indices = np.flatnonzero(reached)
    breaks = (np.diff(indices) > 1) | (np.diff(kinds[indices]) != 0)
    begins = indices[np.concatenate([[True], breaks])]
    ends = indices[np.concatenate([breaks, [True]])] + 1
    yield from zip(begins.tolist(), ends.tolist(), strict=True)


def _span(
    words: Sequence[str], starts: Sequence[int], first: int, last: int, kind: str, score: float
) -> NameSpan | None:
    """Words ``first:last`` as one span without marks at its ends; None if they cannot be one."""
    digits = kind in _WITH_DIGITS
    while first < last and not _may_end(words[first][0], digits=digits):
        first += 1
    while last > first and not _may_end(words[last - 1][-1], digits=digits):
        last -= 1
    inside = words[first:last]
    if not inside or (len(inside) == 1 and _never(inside[0])):
        return None
    if kind == _ADDRESS and not any(map(_ADDRESS_PART.search, inside)):
        return None
    if kind not in _WITH_DIGITS and all(map(_ODD.fullmatch, inside)):
        return None
    if kind == _ADDRESS and _small(inside):
        score = min(score, _DOUBTED)
    return NameSpan(starts[first], starts[last - 1] + len(words[last - 1]), kind, score)


def _never(word: str) -> bool:
    return word.lower() in _NEVER or word in _NEVER_SMALL


def _small(words: Sequence[str]) -> bool:
    """Whether a few words hold no capital."""
    written = [word for word in words if word[0].isalnum()]
    return len(written) <= _SMALL_ADDRESS_WORDS and not any(w[0].isupper() for w in written)


def _may_end(char: str, *, digits: bool) -> bool:
    """Whether a name may begin or end so: with a letter or its mark, some kinds with a digit."""
    return char.isalpha() or unicodedata.category(char)[0] == "M" or (digits and char.isalnum())
