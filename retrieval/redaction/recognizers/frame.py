"""What the recognisers of this folder are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from retrieval.redaction import no_torch

with no_torch.blocked():
    import regex
    from presidio_analyzer import LocalRecognizer, RecognizerResult

from retrieval.redaction.errors import RedactionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Analysis does not depend on the language of a text: every recogniser is registered under this one
# name.
LANGUAGE: Final = "en"
Need = Literal["", "digit", "at"]
"""What a text must hold for a recogniser to be asked at all."""
# Processor seconds for one pattern on one window of a few thousand characters; usual is under a
# millisecond.
PATTERN_LIMIT_SECONDS: Final = 5.0
# An underscore parts words here: ``scan_078-05-1120_front``.
B: Final = r"(?<![^\W_])"
E: Final = r"(?![^\W_])"
Span = tuple[str, int, int, float]
"""Kind, start, end, score."""


class Recognizer(LocalRecognizer):
    """A recogniser of one or several kinds, each with its own context words.

    ``needs`` spares texts without a digit or an at sign. Where ``deniable``, a word such as "order"
    before a bare number speaks against it.
    """

    needs: Need = ""
    deniable: bool = False

    def __init__(self, *kinds: str, words: dict[str, tuple[str, ...]] | None = None) -> None:
        """``words`` are the context words of each kind."""
        self._words = words or {}
        super().__init__(supported_entities=list(kinds), supported_language=LANGUAGE)

    def load(self) -> None:
        """Nothing to load."""

    def words(self, kind: str) -> tuple[str, ...]:
        """Context words of ``kind``."""
        return self._words.get(kind, ())

    def spans(self, text: str) -> Iterator[Span]:
        """Kind, start, end and score of everything found in ``text``."""
        raise NotImplementedError

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None
    ) -> list[RecognizerResult]:
        """One result for every span."""
        del nlp_artifacts
        return [
            RecognizerResult(
                entity_type=kind,
                start=start,
                end=end,
                score=score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for kind, start, end, score in self.spans(text)
            if kind in entities
        ]


class Pattern:
    """A regular expression of one kind, with a check of what it matched.

    ``check`` answers the score of a match, 0 for none. A group named ``value`` is what is taken
    out; otherwise all of the match.
    """

    __slots__ = ("_regex", "check", "grouped", "kind", "score")

    def __init__(
        self,
        kind: str,
        expression: str,
        score: float,
        check: Callable[[str], bool | float] | None = None,
        *,
        ignore_case: bool = False,
    ) -> None:
        """Compile ``expression`` with the ``regex`` module, which can be stopped."""
        flags = regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
        self.kind = kind
        self.score = score
        self.check = check
        self._regex = regex.compile(expression, flags)
        self.grouped = "value" in self._regex.groupindex

    def spans(self, text: str) -> Iterator[Span]:
        """Every match that passes its check.

        Raises:
            RedactionTimeoutError: the pattern ran out of time; nothing may be concluded.
        """
        group: int | str = "value" if self.grouped else 0
        try:
            for match in self._regex.finditer(text, timeout=PATTERN_LIMIT_SECONDS):
                score = self._score(match[group])
                if score > 0:
                    start, end = match.span(group)
                    yield self.kind, start, end, score
        except TimeoutError as error:
            raise RedactionTimeoutError("a pattern ran out of time") from error

    def _score(self, value: str) -> float:
        if self.check is None:
            return self.score
        verdict = self.check(value)
        # True and False are of the pattern's own score; a number is a score itself.
        return self.score * verdict if isinstance(verdict, bool) else verdict


class PatternsRecognizer(Recognizer):
    """Several patterns, of one kind or more."""

    def __init__(
        self,
        name: str,
        patterns: tuple[Pattern, ...],
        *,
        words: dict[str, tuple[str, ...]] | None = None,
        needs: Need = "digit",
        deniable: bool = False,
    ) -> None:
        """``name`` is how reports call it."""
        self._patterns = patterns
        super().__init__(*dict.fromkeys(p.kind for p in patterns), words=words)
        self.name = name
        self.needs = needs
        self.deniable = deniable

    def spans(self, text: str) -> Iterator[Span]:
        """Matches of every pattern."""
        for pattern in self._patterns:
            yield from pattern.spans(text)
