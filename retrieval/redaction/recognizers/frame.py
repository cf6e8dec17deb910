"""What the recognisers of this folder are made of."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

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


_HOT_BEFORE: Final = 90
_HOT_AFTER: Final = 130
_DIGITS: Final = re.compile(r"\d+")
_TOKEN_CHARS: Final = 40
_LEAD: Final = re.compile(r"(?:(?<![^\W\d_])[^\W\d_]{1,6}[ .\-]){0,2}\Z")


class Window(str):
    """A text, and where in it numbers are: worked out once for all recognisers."""

    __slots__ = ("__dict__",)

    @cached_property
    def lowered(self) -> str:
        """In lower case, for looking whether a word is there at all."""
        return self.lower()

    @cached_property
    def digits(self) -> list[tuple[int, int]]:
        """Start and end of every run of digits."""
        return [match.span() for match in _DIGITS.finditer(self)]

    @cached_property
    def digit_starts(self) -> list[int]:
        """Where a run of digits begins a word."""
        return [start for start, _ in self.digits if not (start and self[start - 1].isalnum())]

    @cached_property
    def code_starts(self) -> list[int]:
        """Where a word with a digit begins, and up to two short ones directly before it."""
        starts: dict[int, None] = {}
        reached = -1
        for start, end in self.digits:
            if start < reached:
                continue
            first = start
            while first and first > start - _TOKEN_CHARS and self[first - 1].isalnum():
                first -= 1
            reached = end
            starts[first] = None
            lead = _LEAD.search(self, max(0, first - 14), first)
            if lead and lead[0]:
                starts[lead.start()] = None
                second = lead.start() + len(re.split(r"[ .\-]", lead[0], maxsplit=1)[0]) + 1
                starts[second] = None
        return sorted(starts)

    @cached_property
    def hot(self) -> list[tuple[int, int]]:
        """Stretches around digits, apart from each other."""
        found: list[tuple[int, int]] = []
        for start, end in self.digits:
            low, high = max(0, start - _HOT_BEFORE), min(len(self), end + _HOT_AFTER)
            if found and low <= found[-1][1]:
                found[-1] = (found[-1][0], high)
            else:
                found.append((low, high))
        return found


class Recognizer(LocalRecognizer):
    """A recogniser of one or several kinds, each with its own context words.

    ``needs`` spares texts without a digit or an at sign. Where ``deniable``, a word such as "order"
    before a bare number speaks against it. One that is ``whole`` is asked once about a text of
    any length rather than about its windows.
    """

    name: str
    needs: Need = ""
    whole: bool = False
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


Where = Literal["everywhere", "hot", "digits", "codes"]
"""Where a pattern is tried: at every character, near digits, where a number begins, where a word
with a digit in it (or a short one directly before) begins."""


_FLAGS: Final = re.compile(r"\(\?([im]+)\)")


class Pattern:
    """A regular expression of one kind, with a check of what it matched.

    ``check`` answers the score of a match, or whether it holds. A group named ``value`` is what is
    taken out; otherwise all of the match. A text in which none of ``hints`` stands (lower case) is
    spared.
    """

    __slots__ = ("_hints", "_regex", "check", "grouped", "inline", "kind", "score", "where")

    def __init__(
        self,
        kind: str,
        expression: str,
        score: float,
        check: Callable[[str], bool | float] | None = None,
        *,
        ignore_case: bool = False,
        where: Where = "everywhere",
        hints: tuple[str, ...] = (),
    ) -> None:
        """Compile ``expression`` with the ``regex`` module, which can be stopped."""
        self.kind = kind
        self.score = score
        self.check = check
        self.where = where
        flags = "i" if ignore_case else ""
        leading = _FLAGS.match(expression)
        if leading:
            flags += leading[1]
            expression = expression[leading.end() :]
        self.inline = f"(?{flags}:{expression})"
        anchored = where in {"digits", "codes"}
        # Tried at single places, a bounded expression cannot run away: the standard module, which
        # cannot be stopped, answers ten times as fast there.
        plain = anchored and r"\p{" not in expression
        self._regex: Any = re.compile(self.inline) if plain else regex.compile(self.inline)
        self._hints = hints
        self.grouped = "value" in self._regex.groupindex

    def spans(self, text: str) -> Iterator[Span]:
        """Every match that passes its check.

        Raises:
            RedactionTimeoutError: the pattern ran out of time; nothing may be concluded.
        """
        window = text if isinstance(text, Window) else Window(text)
        if self._hints and not any(hint in window.lowered for hint in self._hints):
            return
        group: int | str = "value" if self.grouped else 0
        try:
            for match in self._matches(window):
                score = self.weigh(match[group])
                if score > 0:
                    start, end = match.span(group)
                    yield self.kind, start, end, score
        except TimeoutError as error:
            raise RedactionTimeoutError("a pattern ran out of time") from error

    def at(self, window: Window, start: int) -> Span | None:
        """What begins at ``start``, if anything does."""
        match = self._regex.match(window, start)
        score = self.weigh(match[0]) if match else 0.0
        return (self.kind, start, match.end(), score) if score > 0 else None

    def _matches(self, window: Window) -> Iterator[Any]:
        limit = PATTERN_LIMIT_SECONDS
        if self.where == "everywhere":
            yield from self._regex.finditer(window, timeout=limit)
        elif self.where == "hot":
            for start, end in window.hot:
                yield from self._regex.finditer(window, start, end, timeout=limit)
        else:
            starts = window.digit_starts if self.where == "digits" else window.code_starts
            for start in starts:
                match = self._regex.match(window, start)
                if match:
                    yield match

    def weigh(self, value: str) -> float:
        """The score of ``value``, which the expression matched."""
        if self.check is None:
            return self.score
        verdict = self.check(value)
        # True and False are of the pattern's own score; a number is a score itself.
        return self.score * verdict if isinstance(verdict, bool) else verdict


def code(
    kind: str,
    expression: str,
    score: float,
    check: Callable[[str], bool | float] | None = None,
    *,
    ignore_case: bool = False,
) -> Pattern:
    """A ``Pattern`` tried only where a word with a digit in it begins."""
    return Pattern(kind, expression, score, check, ignore_case=ignore_case, where="codes")


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
        self._codes = tuple(p for p in patterns if p.where == "codes")
        self._patterns = tuple(p for p in patterns if p.where != "codes")
        # Most words match none of them: one expression for all says so in one step.
        self._any_code = re.compile("|".join(p.inline for p in self._codes))
        super().__init__(*dict.fromkeys(p.kind for p in patterns), words=words)
        self.name = name
        self.needs = needs
        self.deniable = deniable

    def spans(self, text: str) -> Iterator[Span]:
        """Matches of every pattern."""
        window = text if isinstance(text, Window) else Window(text)
        for pattern in self._patterns:
            yield from pattern.spans(window)
        for start in window.code_starts if self._codes else ():
            if self._any_code.match(window, start):
                for pattern in self._codes:
                    found = pattern.at(window, start)
                    if found:
                        yield found
