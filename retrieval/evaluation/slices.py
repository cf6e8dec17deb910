"""One figure over parts of the queries: by length, by label, by language, by how rare a word is.

Each part says how many queries it has and the 95 % interval of its figure (``paired.interval``),
for small parts say little. Parts of fewer than ``LEAST`` queries are left out. Pure numpy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.evaluation.paired import Figure, Numbers, interval

LEAST = 5
MOST_LABELS = 40  # of those, the worst
LENGTHS = (3, 6, 9, 12, 16)  # words of a query at most, by part
RARE = (1, 4, 19)  # things at most that a query's rarest word is said of, by part
_WORD = re.compile(r"[^\W\d_]+")
# Words of English that say nothing of what a picture shows; rare words are looked for beside them.
_STOP = (
    "a an the of in on at to and or with for from by is are was were be as it its his her their "
    "this that there while into over up down out off two three one another some other who which "
    "he she they them him not no near next through around behind front"
)
STOP = frozenset(_STOP.split())


@dataclass(frozen=True)
class Scored:
    """Queries (n,) with the value of ``figure`` for each; ``groups`` (n,) as in a ``Case``."""

    figure: Figure
    values: Numbers
    groups: npt.NDArray[np.int64]


def words_of(text: str) -> list[str]:
    """Words in small letters, without numbers and marks."""
    return _WORD.findall(text.lower())


def by_length(scored: Scored, words: Sequence[str]) -> list[dict[str, Any]]:
    """By number of words: ``1-3``, ``4-6`` and so on."""
    names = _bands(LENGTHS)
    return _parts(scored, [_band(len(text.split()), LENGTHS, names) for text in words], names)


def by_language(
    scored: Scored, words: Sequence[str], language: Callable[[str], str]
) -> list[dict[str, Any]]:
    """By language; empty where all queries are of one. Short ones may be of ``undecided``."""
    said = [language(text) or "undecided" for text in words]
    return _parts(scored, said, sorted(set(said))) if len(set(said)) > 1 else []


def by_label(scored: Scored, labels: Sequence[str]) -> list[dict[str, Any]]:
    """By label, the worst first, ``MOST_LABELS`` at most."""
    found = _parts(scored, list(labels), sorted(set(labels)), least=1)
    return sorted(found, key=lambda part: (part["value"], part["part"]))[:MOST_LABELS]


def long_tail(scored: Scored, words: Sequence[str], things: Sequence[int]) -> list[dict[str, Any]]:
    """By how many things the rarest word of a query is said of, among the queries themselves.

    ``things`` (n,) says what each query is about. The first part is of words said of one thing.
    """
    held = [set(words_of(text)) - STOP for text in words]
    said: dict[str, set[int]] = {}
    for thing, own in zip(things, held, strict=True):
        for word in own:
            said.setdefault(word, set()).add(thing)
    names = _bands(RARE)
    bands = [
        _band(min(len(said[word]) for word in own), RARE, names) if own else "" for own in held
    ]
    return _parts(scored, bands, names)


def rare_labels(scored: Scored, asked: Sequence[str], found: Sequence[str]) -> list[dict[str, Any]]:
    """By how many things bear a query's label: thirds of the labels, the rarest first.

    Empty where all labels are equally frequent, as there is no tail then.
    """
    count = Counter(found)
    counts = sorted(count.values())
    if not counts or counts[0] == counts[-1]:
        return []
    ends = sorted({counts[len(counts) // 3 - 1], counts[2 * len(counts) // 3 - 1]})
    names = _bands(tuple(ends), first=counts[0])
    parts = _parts(scored, [_band(count[name], tuple(ends), names) for name in asked], names)
    return parts if len(parts) > 1 else []


def _bands(ends: tuple[int, ...], first: int = 1) -> list[str]:
    starts = [first, *(end + 1 for end in ends)]
    closed = [
        f"{start}-{end}" if start < end else str(end)
        for start, end in zip(starts, ends, strict=False)
    ]
    return [*closed, f"{starts[-1]}+"]


def _band(value: int, ends: tuple[int, ...], names: Sequence[str]) -> str:
    return names[sum(value > end for end in ends)]


def _parts(
    scored: Scored, said: Sequence[str], names: Sequence[str], *, least: int = LEAST
) -> list[dict[str, Any]]:
    """``{"part", "queries", "figure", "value", "low", "high"}`` of each name, in their order."""
    place = np.array(said)
    found = []
    for name in names:
        rows = np.flatnonzero(place == name)
        if len(rows) < least:
            continue
        one = interval(scored.values[rows], scored.groups[rows].tolist())
        found.append({"part": name, "queries": len(rows), "figure": scored.figure, **one.to_json()})
    return found
