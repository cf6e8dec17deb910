"""Rare words of every day that the network takes for names: "goalie", "skateboard", "onlookers".

One word alone, in small letters, is somebody's name only if people bear it (a list of first and
family names), or if what stands before it says so. Without this rule one photo caption in ten lost
a word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from retrieval.redaction.ner.manifest import KNOWN_NAMES

if TYPE_CHECKING:
    from pathlib import Path

_WORD: Final = re.compile(r"[^\W\d_]+")
# How far before a word its announcement may end, in characters, and how much of it is read.
_BEFORE: Final = 24
_ANNOUNCED: Final = re.compile(
    r"(?:[:@<(\"]|\b(?:mr|mrs|ms|miss|mister|dr|prof|sir|lady|madam|herr|frau|monsieur|madame|mme|"
    r"señor|señora|sig|signor|signora|mevrouw|meneer|dear|hi|hey|hello|regards|sincerely|cheers|"
    r"love|yours|name|names|named|called|am|i'm|im|call me|by|hallo|liebe|lieber|heiße|bin|"
    r"appelle|chère|cher|llamo|soy|querida|querido|chiamo|sono|caro|cara|heet|ben|beste)\b"
    r"\.?(?:\s+(?:is|was|me|to|the|mr|mrs|ms|dr))?)[\s.,;-]*$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4)
def known_names(folder: Path) -> frozenset[str]:
    """First and family names, in small letters, as the model in ``folder`` brings them; or none."""
    path = folder / KNOWN_NAMES
    return frozenset(path.read_text(encoding="utf-8").split()) if path.exists() else frozenset()


def is_plain(text: str, start: int, end: int, *, names: frozenset[str]) -> bool:
    """Whether ``text[start:end]`` is one word in small letters that nothing says is a name."""
    span = text[start:end].strip()
    if not names or span != span.lower() or not _WORD.fullmatch(span):
        return False
    if span.casefold() in names:
        return False
    return _ANNOUNCED.search(text[max(0, start - _BEFORE) : start]) is None
