"""Fixed tables that ship with the code: stop words, and how common English words are. Pure.

Nothing here is counted from anybody's documents, so a hidden row can move no score.
"""

from __future__ import annotations

from functools import lru_cache
from math import log
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE: Final = Path(__file__).parent
# Zipf: the share of a word falls with its rank, so log rank is what it tells, in nats. The offset
# keeps the first ranks, which are stop words in most languages, from telling nothing.
_OFFSET: Final = 20
# Stop words of other languages that are things in English: alone they speak for no language.
_ENGLISH_TEXT: Final = (
    "ad allen bare ben bin dan die dies dig dog don door dove ed ellen end era ham hat hay hon ill "
    "jo kim ma man men met mine pour sea sean sin sit son sue till ton van war want"
)
ENGLISH_THINGS: Final = frozenset(_ENGLISH_TEXT.split())
UNKNOWN: Final = log(16_384)
"""What a word tells that is not among the 8,192 most common: as much as one of rank 16,384."""


@lru_cache(maxsize=1)
def stop_words() -> Mapping[str, frozenset[str]]:
    """By language (ISO 639-1), casefolded."""
    lists: dict[str, frozenset[str]] = {}
    for line in (_HERE / "stop_words.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            language, *words = line.split()
            lists[language] = frozenset(word.casefold() for word in words)
    return MappingProxyType(lists)


@lru_cache(maxsize=1)
def _ranks() -> Mapping[str, int]:
    lines = (_HERE / "ranks.txt").read_text(encoding="utf-8").split()
    return MappingProxyType({word: rank for rank, word in enumerate(lines)})


def information(word: str) -> float:
    """How much it tells that a text holds this word, in nats: 3 (very common) to ``UNKNOWN``.

    The rank is that among whole words of BERT's uncased vocabulary (Devlin et al., NAACL 2019;
    Apache-2.0), which is ordered by frequency.
    """
    rank = _ranks().get(word)
    return UNKNOWN if rank is None else log(rank + _OFFSET)
