"""Numbers that states give to people: tables by region.

Checks come from python-stdnum where it has them; each module names the source of its own.
"""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.digits import DigitId
from retrieval.redaction.recognizers.frame import Pattern
from retrieval.redaction.recognizers.national import (
    benelux,
    british,
    central,
    french,
    german,
    iberian,
    italian,
    nordic,
    overseas,
    southeast,
    us,
)

_MODULES: Final = (
    us,
    british,
    german,
    french,
    iberian,
    italian,
    benelux,
    nordic,
    central,
    southeast,
    overseas,
)
DIGITS: Final[tuple[DigitId, ...]] = tuple(one for module in _MODULES for one in module.DIGITS)
PATTERNS: Final[tuple[Pattern, ...]] = tuple(one for module in _MODULES for one in module.PATTERNS)
WORDS: Final[dict[str, tuple[str, ...]]] = {
    kind: words for module in _MODULES for kind, words in module.WORDS.items()
}
