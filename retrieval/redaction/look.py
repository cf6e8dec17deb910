"""One look at one text under one profile: everywhere, read otherwise, and beside what was found."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from retrieval.redaction import encoded, spans, views
from retrieval.redaction.base import Finding
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.placeholders import blank_spans
from retrieval.redaction.windows import CORE_CHARS, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from retrieval.redaction.base import Profile
    from retrieval.redaction.engine import Engine
    from retrieval.redaction.windows import Window

# A text may take this long: ten seconds, and one more of processor time for every 2,000 characters.
# Prose takes a fiftieth of that.
_BASE_SECONDS: Final = 10.0
_CHARS_A_SECOND: Final = 2_000
# Taking something out can make something else visible (a number beside it, a shorter match): look
# again around it, but not for ever.
_PASSES: Final = 3
_AROUND_CHARS: Final = 100
_BATCH: Final = 16
# In a text read otherwise than it stands, bare numbers prove little.
_LEAST_EDITED: Final = 0.5
_BEYOND_DOUBT: Final = 1.0
# Looked for even where a profile keeps them: what is surely a telephone number is no official one,
# though its last ten digits pass a check.
RIVALS: Final = frozenset({"PHONE_NUMBER"})

# What is longer than a margin is a token: a signed one may have thousands of characters.
_REST: Final = re.compile(r"[^\s<>\"']{0,20000}")

_Found = tuple[list[Finding], list[Finding]]


class Look:
    """What is found in one text; offsets are those of the text given."""

    def __init__(self, engine: Engine, profile: Profile, core_chars: int, text: str) -> None:
        """The clock starts here: a look may take some seconds and more for a longer text."""
        self._engine = engine
        self._rules = profile.entities
        self._core_chars = core_chars
        self._text = text
        self._kinds = frozenset(profile.kinds)
        self._asked = self._kinds | RIVALS
        self._deadline = time.thread_time() + _BASE_SECONDS + len(text) / _CHARS_A_SECOND

    def everywhere(self) -> _Found:
        """Over the whole text as it stands: what is taken out, and what is for a steward."""
        found = list(self._at_threshold(self._by_rule(self._text, whole=True)))
        low: list[Finding] = []
        wanted = windows(self._text, core_chars=self._core_chars)
        while batch := list(islice(wanted, _BATCH)):
            texts = [self._text[window.start : window.end] for window in batch]
            modelled = self._modelled(texts)
            for window, text, spanned in zip(batch, texts, modelled, strict=True):
                for one in (*self._by_rule(text), *spanned):
                    at = one.start + window.start
                    rule = self._rules.get(one.kind)
                    if rule is None or not window.core_start <= at < window.core_end:
                        continue
                    placed = replace(one, start=at, end=self._end(one.end + window.start, window))
                    if one.score >= rule.threshold:
                        found.append(placed)
                    elif rule.review is not None and one.score >= rule.review:
                        low.append(placed)
        return spans.merged(spans.settled(found)), low

    def reading_otherwise(self, found: list[Finding]) -> list[Finding]:
        """``found`` and what shows only with edits made."""
        more: list[Finding] = []
        for reading in views.readings(self._text):
            for one in self._at_threshold(self._by_rule(reading.text)):
                start, end = reading.original(one.start, one.end)
                if one.score >= _LEAST_EDITED and reading.edited(start, end):
                    more.append(replace(one, start=start, end=end))
        for start, end, plain in encoded.tokens(self._text):
            inside = [*self._by_rule(plain), *self._modelled([plain])[0]]
            more += [replace(one, start=start, end=end) for one in self._at_threshold(inside)]
        more = views.sensible(self._text, more, found)
        return spans.merged([*found, *more]) if more else found

    def squeezed(self, found: list[Finding]) -> list[Finding]:
        """``found`` and what is beyond doubt once nothing stands between figures."""
        more: list[Finding] = []
        for reading in views.squeezed(self._text):
            for one in self._at_threshold(self._by_rule(reading.text)):
                start, end = reading.original(one.start, one.end)
                if one.score >= _BEYOND_DOUBT and reading.edited(start, end):
                    more.append(replace(one, start=start, end=end))
        return spans.merged([*found, *more]) if more else found

    def beside(self, found: list[Finding]) -> list[Finding]:
        """``found`` and what shows once that is taken out."""
        new = found
        for _ in range(_PASSES - 1):
            if not new:
                break
            left = blank_spans(self._text, ((f.start, f.end) for f in found))
            more: list[Finding] = []
            places = list(_neighbourhoods(left, new))
            texts = [left[start:end] for start, end in places]
            # A model too reads words otherwise once those beside them are gone; the second look
            # would see what it sees here.
            for (start, _), text, spanned in zip(places, texts, self._modelled(texts), strict=True):
                more += [
                    replace(one, start=one.start + start, end=one.end + start)
                    for one in self._at_threshold([*self._by_rule(text), *spanned])
                ]
            new = spans.merged(more)
            found = spans.merged([*found, *new]) if new else found
        return found

    def _end(self, end: int, window: Window) -> int:
        """Where something ends that goes on behind its window: at the next blank."""
        if end < window.end or end == len(self._text):
            return end
        return _REST.match(self._text, end).end()  # type: ignore[union-attr] # it matches nothing too

    def _by_rule(self, text: str, *, whole: bool = False) -> list[Finding]:
        if time.thread_time() > self._deadline:
            raise RedactionTimeoutError(f"{len(self._text)} characters took too long")
        results = self._engine.analyze(text, self._asked, whole=whole)
        return spans.won([_finding(result) for result in results], kept=RIVALS - self._kinds)

    def _modelled(self, texts: list[str]) -> list[list[Finding]]:
        found: list[list[Finding]] = [[] for _ in texts]
        for model in self._engine.models:
            if not self._kinds.isdisjoint(model.kinds):
                for mine, its in zip(found, model.spans(texts), strict=True):
                    mine += [one for one in its if one.kind in self._kinds]
        return found

    def _at_threshold(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        for one in findings:
            rule = self._rules.get(one.kind)
            if rule is not None and one.score >= rule.threshold:
                yield one


def _finding(result: Any) -> Finding:
    metadata = result.recognition_metadata or {}
    return Finding(
        kind=result.entity_type,
        start=result.start,
        end=result.end,
        score=round(float(result.score), 2),
        recognizer=str(metadata.get(result.RECOGNIZER_NAME_KEY, "")),
    )


def _neighbourhoods(text: str, findings: Sequence[Finding]) -> Iterator[tuple[int, int]]:
    """Stretches around findings, cut at blanks where there are some, apart from each other."""
    begin = finish = -1
    for finding in findings:
        start = max(0, finding.start - _AROUND_CHARS)
        end = min(len(text), finding.end + _AROUND_CHARS)
        start = _blank_before(text, start)
        end = _blank_before(text, end) if end < len(text) else end
        if start > finish or end - begin > CORE_CHARS:
            if begin >= 0:
                yield begin, finish
            begin, finish = (max(start, finish)), max(end, finish)
        else:
            finish = max(finish, end)
    if begin >= 0:
        yield begin, finish


def _blank_before(text: str, at: int) -> int:
    found = max(text.rfind(blank, max(0, at - _AROUND_CHARS // 2), at) for blank in " \n\t")
    return at if found < 0 else found + 1
