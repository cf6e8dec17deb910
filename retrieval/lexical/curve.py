"""How likely a segment is right, given what of the query it holds word for word. Pure.

Fitted on titles and texts made of captions of the Flickr8k dev photos (``README.md`` has the data
and the figures); by what the query and the segment themselves hold, never by other rows.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from retrieval.lexical.store import LexicalMatch
    from retrieval.lexical.words import Question

VERSION: Final = 1
LEAST_SHARE: Final = 0.4
"""Of what the query tells; below it fewer than one match in thirty was right."""
THRESHOLD: Final = 0.5

# Platt (1999), weights of the sign they must have: minimum of the log loss over half the queries.
_BIAS: Final = -5.39
_SHARE: Final = 5.81
_WHOLE: Final = 0.43
_LENGTH: Final = 0.61  # a doubling of the text, where several words may come from several places
_RARITY: Final = 0.25  # a nat a word, likewise
_TITLE_WORDS: Final = 8
_COMMON_TELLS: Final = 7.0
_CODE_TELLS: Final = 7.0
"""From here on a code is rare: four digits that are no year, or letters and digits."""
_CODE_FOUND: Final = 0.97
"""What of 11,900 matches of such codes in 1,200 texts held the very same string: at least this."""


def probability(question: Question, match: LexicalMatch) -> float:
    """P(relevant), 0 to 1; of two matches alike but for their share the larger is never less.

    Where every rare code of the query is there, as good as the code, whatever words are missing.
    """
    count = len(question.units)
    score = _BIAS + _SHARE * match.share + _WHOLE * (len(match.matched) == count)
    if count > 1:
        score -= _LENGTH * log(max(match.size, 1) / _TITLE_WORDS)
        score += _RARITY * (question.tells / count - _COMMON_TELLS)
    by_words = 1.0 / (1.0 + exp(-score))
    codes = {n for n, u in enumerate(question.units) if u.code and u.tells >= _CODE_TELLS}
    return max(by_words, _CODE_FOUND) if codes and codes <= set(match.matched) else by_words
