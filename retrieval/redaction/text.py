"""Structured personal data in text.

Cards, accounts, e-mail, telephone, addresses of machines, official numbers.

Names, places and organisations are *not* found: they need a trained recogniser, which a later
version brings. ``Profile.covers`` says so in every report.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

from retrieval.redaction.base import Finding, RedactedText
from retrieval.redaction.engine import Engine, shared_engine, version
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.normalise import normalise
from retrieval.redaction.placeholders import Numbering, blank, blank_spans, render
from retrieval.redaction.windows import CORE_CHARS, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.redaction.base import PlaceholderBook, Profile

# Our own part of the version: a change of patterns, context or thresholds' meaning raises it.
REVISION: Final = 1
# A text may take this long: ten seconds, and one more of processor time for every 4,000 characters.
# Prose takes a twentieth of that.
_BASE_SECONDS: Final = 10.0
_CHARS_A_SECOND: Final = 4_000
# Taking something out can make something else visible (a number beside it, a shorter match): look
# again, but not for ever.
_PASSES: Final = 3
# Regular expressions take an underscore for a letter: no number ends or begins beside one.
_GLUED: Final = re.compile(r"\d_|_\d")


class StructuredTextRedactor:
    """Presidio's structured recognisers over overlapping windows of a normalised view."""

    name = "structured-text"

    def __init__(self, engine: Engine | None = None, *, core_chars: int = CORE_CHARS) -> None:
        """``core_chars`` is the window size; verification uses another one."""
        self._engine = engine or shared_engine()
        self._core_chars = core_chars

    @property
    def version(self) -> str:
        """Our revision and Presidio's version."""
        return f"{REVISION}+presidio-{version()}"

    def analyse(self, text: str, *, profile: Profile) -> tuple[Finding, ...]:
        """Findings at the profile's thresholds, ordered by start, not overlapping.

        Offsets of ``text``.

        Placeholders in ``text`` are ignored.

        Raises:
            RedactionTimeoutError: the text took too long; nothing may be concluded from it.
        """
        view = normalise(blank(text))
        deadline = time.thread_time() + _BASE_SECONDS + len(view.text) / _CHARS_A_SECOND
        found = self._pass(view.text, profile, deadline)
        if _GLUED.search(view.text):
            # In names of files and fields an underscore stands for a space.
            parted = blank_spans(view.text, ((f.start, f.end) for f in found)).replace("_", " ")
            found = _merged([*found, *self._pass(parted, profile, deadline)])
        for _ in range(_PASSES - 1):
            left = blank_spans(view.text, ((f.start, f.end) for f in found))
            more = self._pass(left, profile, deadline) if found else []
            if not more:
                break
            found = _merged([*found, *more])
        return tuple(
            Finding(
                kind=f.kind,
                start=start,
                end=end,
                score=round(f.score, 2),
                recognizer=f.recognizer,
            )
            for f in found
            for start, end in (view.original(f.start, f.end),)
        )

    def redact(
        self, text: str, *, profile: Profile, book: PlaceholderBook | None = None
    ) -> RedactedText:
        """The text with every finding replaced; ``book`` carries numbering over from other texts.

        Raises:
            RedactionTimeoutError: as ``analyse``.
        """
        findings = self.analyse(text, profile=profile)
        redacted = render(text, findings, profile=profile, book=book or Numbering())
        return RedactedText(text=redacted, findings=findings)

    def redact_many(self, texts: Sequence[str], *, profile: Profile) -> list[RedactedText]:
        """Each text redacted, with one numbering for all of them.

        Raises:
            RedactionTimeoutError: as ``analyse``.
        """
        book = Numbering()
        return [self.redact(text, profile=profile, book=book) for text in texts]

    def _pass(self, text: str, profile: Profile, deadline: float) -> list[Finding]:
        kinds = [kind for kind in profile.kinds if kind in self._engine.kinds]
        found: list[Finding] = []
        for window in windows(text, core_chars=self._core_chars):
            if time.thread_time() > deadline:
                raise RedactionTimeoutError(f"{len(text)} characters took too long")
            for result in self._engine.analyze(text[window.start : window.end], kinds):
                start = window.start + result.start
                wanted = result.score >= profile.entities[result.entity_type].threshold
                if wanted and window.core_start <= start < window.core_end:
                    found.append(_finding(result, window.start))
        return _merged(found)


def _finding(result: Any, offset: int) -> Finding:
    metadata = result.recognition_metadata or {}
    return Finding(
        kind=result.entity_type,
        start=offset + result.start,
        end=offset + result.end,
        score=float(result.score),
        recognizer=str(metadata.get(result.RECOGNIZER_NAME_KEY, "")),
    )


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Overlapping findings as one that covers them all, named after the surest, then the longest.

    Cutting an overlap would leave the rest of the weaker match in the text.
    """
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        if merged and finding.start < merged[-1].end:
            last = merged[-1]
            best = max(last, finding, key=lambda f: (f.score, f.end - f.start))
            merged[-1] = Finding(
                kind=best.kind,
                start=last.start,
                end=max(last.end, finding.end),
                score=best.score,
                recognizer=best.recognizer,
            )
        else:
            merged.append(finding)
    return merged
