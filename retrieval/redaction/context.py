"""Context words without lemmas: a word near a match that says what it is makes the match surer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from retrieval.redaction import no_torch

with no_torch.blocked():
    from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer, RecognizerResult

# Presidio's own figures (LemmaContextAwareEnhancer), so that its recognisers' scores mean what
# their authors meant.
SIMILARITY_FACTOR: Final = 0.35
MINIMUM_SCORE: Final = 0.4
_BEFORE_WORDS: Final = 6
_AFTER_WORDS: Final = 3
_BEFORE_CHARS: Final = 100
_AFTER_CHARS: Final = 50
_WORD: Final = re.compile(r"\w+")
_OPEN_ENDED_CHARS: Final = 5


class WordContextEnhancer(ContextAwareEnhancer):
    """Raises scores by words in the text around a match.

    Presidio's own enhancer compares lemmas. A spaCy pipeline without a model gives none, and
    context would silently do nothing; it also takes "lic" in "public" for a licence. Here a context
    word counts where it stands as a whole word or several, or, if it has five letters or more,
    where a word begins with it ("passports", "telefonnummer").
    """

    def __init__(self) -> None:
        """Take Presidio's figures."""
        super().__init__(
            context_similarity_factor=SIMILARITY_FACTOR,
            min_score_with_context_similarity=MINIMUM_SCORE,
            context_prefix_count=_BEFORE_WORDS,
            context_suffix_count=_AFTER_WORDS,
        )

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: object,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """The same results, scores raised where a context word stands near."""
        words = {recognizer.id: tuple(recognizer.context or ()) for recognizer in recognizers}
        for result in raw_results:
            wanted = words.get(_recognizer_id(result), ())
            if wanted and result.score < self.MAX_SCORE and _near(text, result, wanted):
                score = max(result.score + SIMILARITY_FACTOR, MINIMUM_SCORE)
                result.score = min(score, self.MAX_SCORE)
        return raw_results


def _recognizer_id(result: Any) -> str:
    return str((result.recognition_metadata or {}).get(result.RECOGNIZER_IDENTIFIER_KEY, ""))


def _near(text: str, result: Any, wanted: tuple[str, ...]) -> bool:
    before = _WORD.findall(text[max(0, result.start - _BEFORE_CHARS) : result.start].lower())
    after = _WORD.findall(text[result.end : result.end + _AFTER_CHARS].lower())
    # The match itself counts too: some patterns take their label in ("SSN 123-45-6789").
    inside = _WORD.findall(text[result.start : result.end].lower())
    around = " ".join([*before[-_BEFORE_WORDS:], *inside, *after[:_AFTER_WORDS]])
    return _pattern(wanted).search(around) is not None


@lru_cache(maxsize=512)
def _pattern(wanted: tuple[str, ...]) -> re.Pattern[str]:
    choices = []
    for phrase in wanted:
        words = _WORD.findall(phrase.lower().replace("_", " "))
        if words:
            end = "" if len(words[-1]) >= _OPEN_ENDED_CHARS else r"\b"
            choices.append(" ".join(map(re.escape, words)) + end)
    return re.compile(r"\b(?:" + "|".join(choices) + ")") if choices else re.compile(r"(?!)")
