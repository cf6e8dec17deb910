"""Personal data in text: structured kinds by rule, names and the like by the engine's models."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from retrieval.redaction import spans
from retrieval.redaction.base import Finding, RedactedText
from retrieval.redaction.engine import Engine, shared_engine, version
from retrieval.redaction.kinds import DENIED
from retrieval.redaction.look import Look
from retrieval.redaction.normalise import normalise
from retrieval.redaction.placeholders import Numbering, blank, rendered
from retrieval.redaction.windows import CORE_CHARS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from retrieval.redaction.base import PlaceholderBook, Profile

# Our own part of the version: a change of patterns, context or thresholds' meaning raises it.
REVISION: Final = 2


class StructuredTextRedactor:
    """Recognisers over overlapping windows of a normalised view.

    Then over what reads differently: lines joined, mark-up undone, codes decoded.
    """

    name = "text"

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        core_chars: int = CORE_CHARS,
        again: bool = False,
    ) -> None:
        """``core_chars`` is the window size; ``again`` is for the second look.

        The second look is at redacted text, where placeholders are ours.
        """
        self._engine = engine or shared_engine()
        self._core_chars = core_chars
        self._again = again

    @property
    def version(self) -> str:
        """Our revision, Presidio's version and those of the models."""
        models = "".join(f"+{model.name}-{model.version}" for model in self._engine.models)
        return f"{REVISION}+presidio-{version()}{models}"

    def analyse(self, text: str, *, profile: Profile) -> tuple[Finding, ...]:
        """Findings at the profile's thresholds, ordered by start, not overlapping.

        Offsets of ``text``. Placeholders in ``text`` are ignored.

        Raises:
            RedactionTimeoutError: the text took too long; nothing may be concluded from it.
        """
        return self.survey(text, profile=profile)[0]

    def analyse_low(self, text: str, *, profile: Profile) -> tuple[Finding, ...]:
        """Findings below the threshold but not below ``EntityRule.review``, as ``analyse``.

        Raises:
            RedactionTimeoutError: as ``analyse``.
        """
        return self.survey(text, profile=profile)[1]

    def survey(
        self, text: str, *, profile: Profile
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """``analyse`` and ``analyse_low`` in one go.

        Raises:
            RedactionTimeoutError: as ``analyse``.
        """
        view = normalise(blank(text, ours=self._again))
        look = Look(self._engine, profile, self._core_chars, view.text)
        found, low = look.everywhere()
        found = look.reading_otherwise(found)
        found = look.beside(found)
        if self._again:
            found = look.squeezed(found)
        found = spans.not_allowed(view.text, found, profile.allow)
        always = [
            Finding(kind=DENIED, start=start, end=end, score=1.0, recognizer=spans.DENY_LIST)
            for start, end in spans.denied(view.text, profile.deny)
        ]
        found = spans.merged([*found, *always])
        low = spans.merged(spans.outside(spans.not_allowed(view.text, low, profile.allow), found))
        return _placed(found, view.original), _placed(low, view.original)

    def redact(
        self, text: str, *, profile: Profile, book: PlaceholderBook | None = None
    ) -> RedactedText:
        """The text with every finding replaced; ``book`` carries numbering over from other texts.

        ``low`` has offsets of the redacted text.

        Raises:
            RedactionTimeoutError: as ``analyse``.
        """
        findings, low = self.survey(text, profile=profile)
        redacted, moves = rendered(text, findings, profile=profile, book=book or Numbering())
        return RedactedText(text=redacted, findings=findings, low=_moved(low, findings, moves))

    def redact_many(self, texts: Sequence[str], *, profile: Profile) -> list[RedactedText]:
        """Each text redacted, with one numbering for all of them.

        Raises:
            RedactionTimeoutError: as ``analyse``.
        """
        book = Numbering()
        return [self.redact(text, profile=profile, book=book) for text in texts]


def _placed(
    findings: Iterable[Finding], original: Callable[[int, int], tuple[int, int]]
) -> tuple[Finding, ...]:
    placed = []
    for one in findings:
        start, end = original(one.start, one.end)
        placed.append(replace(one, start=start, end=end))
    return tuple(placed)


def _moved(
    low: Iterable[Finding], findings: Sequence[Finding], moves: Sequence[int]
) -> tuple[Finding, ...]:
    """``low`` with offsets of the redacted text."""
    ends = [finding.end for finding in findings]
    placed = []
    for one in low:
        before = bisect_right(ends, one.start)
        move = moves[before - 1] if before else 0
        placed.append(replace(one, start=one.start + move, end=one.end + move))
    return tuple(placed)
