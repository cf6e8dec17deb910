"""A text as a row of words."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.saliency.base import SaliencyImpossible

MOST_UNITS: Final = 120
"""A chunk of 900 characters has some 150 words; a longer text is taken apart by pairs."""
_WORD: Final = re.compile(r"\S+")
_ALNUM: Final = re.compile(r"\w")


def word_spans(text: str, *, most: int = MOST_UNITS) -> list[tuple[int, int]]:
    """(start, end) characters of each word, or of runs of words of equal length, in order.

    What stands between blanks and holds a letter or digit is a word; marks go with what they stand
    at. Empty where there is none.
    """
    words = [
        (found.start(), found.end()) for found in _WORD.finditer(text) if _ALNUM.search(found[0])
    ]
    run = max(1, -(-len(words) // most))
    return [
        (words[first][0], words[min(first + run, len(words)) - 1][1])
        for first in range(0, len(words), run)
    ]


class WordCells:
    """The words of a text; what is taken out leaves no gap."""

    def __init__(self, text: str) -> None:
        """Raises ``SaliencyImpossible`` where there are no words."""
        self.text = text
        self.spans = word_spans(text)
        if not self.spans:
            raise SaliencyImpossible("there are no words")
        self.shape = (len(self.spans),)

    def without(self, cells: npt.NDArray[np.bool_]) -> str:
        """See ``Cells``."""
        parts, at = [], 0
        for (start, end), gone in zip(self.spans, cells, strict=True):
            if gone:
                parts.append(self.text[at:start])
                at = end
        return " ".join(" ".join([*parts, self.text[at:]]).split())
