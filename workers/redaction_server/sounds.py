"""Sounds in the redaction server: what is found in them, and what is left of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from retrieval.redaction import verify
from retrieval.redaction.audio import regions
from retrieval.redaction.audio.redactor import NoTranscriberError, SpeechRedactor
from retrieval.redaction.audio.silero import RATE, Samples
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.types import SegmentPlan, StepRecord, Verdict
from workers.redaction_server import arrays
from workers.redaction_server.parts import Parts, unchanged
from workers.sandbox.reasons import decode_error
from workers.sandbox.types import MAX_INTERVALS, TensorSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    from retrieval.redaction.audio.regions import Interval
    from retrieval.redaction.base import (
        AudioFindings,
        Finding,
        PlaceholderBook,
        Profile,
        SpokenText,
        TextRedactor,
    )
    from workers.sandbox.types import Limits, Muted, Normalised, SoundFacts

_OPUS: Final = "audio/ogg"
_WINDOW_MS: Final = 60_000
_WINDOWS: Final = 4
"""Minutes decoded at a time: 15 MB of samples."""
_ROUNDS: Final = 2
"""How often what the second look finds is muted as well, before it is left to verification."""


class Decoder(Protocol):
    """The part of the sandbox that is used here; all calls block."""

    def tensors(
        self, rendition: bytes | int, *, media_type: str, spec: TensorSpec, limits: Limits = ...
    ) -> Sequence[npt.NDArray[np.uint8] | npt.NDArray[np.float32]]:
        """Samples of windows of a rendition."""

    def mute(
        self,
        rendition: bytes | int,
        *,
        intervals_ms: Sequence[tuple[int, int]],
        tone: bool = ...,
        limits: Limits = ...,
    ) -> Muted:
        """The rendition with stretches silent."""

    def inspect_sound(self, rendition: bytes | int, *, limits: Limits = ...) -> SoundFacts:
        """Length and metadata of a rendition."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """Redacts and verifies sounds; safe to call from several threads."""

    decoder: Decoder
    redactor: SpeechRedactor
    verifier: TextRedactor
    limits: Limits

    def redact(self, media: Normalised, *, profile: Profile, book: PlaceholderBook) -> Parts:
        """What may be stored of it: muted, heard again, and muted where more was found.

        Raises:
            DecodeError, SandboxUnavailable: from the sandbox; ``no-transcriber``.
            RedactionError: it could not be listened to; nothing of it may pass.
        """
        parts = unchanged(media, arrays.segments(media.duration_ms))
        if not self.redactor.looks(profile):
            return parts
        duration_ms = media.duration_ms or 0
        found = self._find(media.rendition, duration_ms, profile, book)
        findings, muted = found.findings, None
        for rounds_left in reversed(range(_ROUNDS + 1)):
            if findings:
                # From the first rendition each time, so that the sound is not worn by encoding.
                muted = self._mute(media.rendition, findings, profile)
            if not rounds_left or profile.audio.speech == "keep":
                break
            heard = muted.rendition if muted else media.rendition
            left = self._find(heard, duration_ms, profile, book, again=True)
            if not left.findings:
                break
            findings = (*findings, *left.findings)
        spoken = self._safe(found, findings, profile)
        parts = replace(
            parts,
            segments=(*parts.segments, *text_segments(spoken, first=len(parts.segments))),
            findings=tuple(sorted(findings, key=lambda f: f.start_ms or 0)),
            steps=self._steps(profile),
        )
        if muted is None:
            return parts
        return replace(
            parts,
            rendition=muted.rendition,
            thumbnail=muted.thumbnail,
            thumbnail_type=muted.thumbnail_type,
        )

    def verify(self, rendition: bytes, *, profile: Profile) -> Verdict:
        """What a second look still finds in a rendition.

        Raises:
            DecodeError, SandboxUnavailable, RedactionError: as ``redact``.
        """
        facts = self.decoder.inspect_sound(rendition, limits=self.limits)
        left = verify.verify_metadata(facts.metadata_found)
        if left.findings or profile.audio.speech == "keep":
            return left
        found = self._find(rendition, facts.duration_ms, profile, Numbering(), again=True)
        if found.findings:
            return Verdict(findings=found.findings, reason=verify.INCOMPLETE)
        said = "\n".join(stretch.text for stretch in found.spoken)
        # Characters of a transcript that nobody keeps would say nothing: only the reason counts.
        return Verdict(reason=self._text_verdict(said, profile).reason)

    def _find(
        self,
        rendition: bytes,
        duration_ms: int,
        profile: Profile,
        book: PlaceholderBook,
        *,
        again: bool = False,
    ) -> AudioFindings:
        try:
            found = self.redactor.find(
                lambda: self._pieces(rendition, duration_ms),
                profile=profile,
                book=book,
                again=again,
            )
        except NoTranscriberError:
            raise decode_error("no-transcriber") from None
        within = [
            replace(finding, end_ms=min(finding.end_ms or 0, duration_ms))
            for finding in found.findings
        ]
        return replace(found, findings=tuple(within))

    def _pieces(self, rendition: bytes, duration_ms: int) -> Iterator[Samples]:
        """The rendition's samples at 16 kHz, a minute at a time."""
        edges = [*range(0, duration_ms, _WINDOW_MS), duration_ms]
        windows = list(itertools.pairwise(edges))
        for first in range(0, len(windows), _WINDOWS):
            spec = TensorSpec(sample_rate=RATE, windows_ms=tuple(windows[first : first + _WINDOWS]))
            for samples in self.decoder.tensors(
                rendition, media_type=_OPUS, spec=spec, limits=self.limits
            ):
                yield np.asarray(samples, np.float32)

    def _mute(self, rendition: bytes, findings: Sequence[Finding], profile: Profile) -> Muted:
        return self.decoder.mute(
            rendition,
            intervals_ms=regions.at_most(times(findings), MAX_INTERVALS),
            tone=profile.audio.muted_as == "tone",
            limits=self.limits,
        )

    def _text_verdict(self, text: str, profile: Profile) -> Verdict:
        if not text:
            return Verdict()
        return verify.verify_text(text, profile=profile, redactor=self.verifier)

    def _safe(
        self, found: AudioFindings, findings: Sequence[Finding], profile: Profile
    ) -> list[SpokenText]:
        """The stretches in which a second look at words and sound finds nothing more.

        None at all in a language in which names cannot be found.
        """
        later = times(findings[len(found.findings) :])
        kept = [
            stretch
            for stretch in found.spoken
            if not regions.covered(stretch.start_ms, stretch.end_ms, later)
            and not self._text_verdict(stretch.text, profile).findings
        ]
        whole = self._text_verdict("\n".join(stretch.text for stretch in kept), profile)
        return [] if whole.reason else kept

    def _steps(self, profile: Profile) -> tuple[StepRecord, ...]:
        component = f"{self.redactor.name}:{profile.audio.speech}"
        return (StepRecord(step="listen", component=component, version=self.redactor.version),)


def times(findings: Sequence[Finding]) -> list[Interval]:
    """When the findings are, in order, as one where they overlap."""
    return regions.merged(
        (finding.start_ms, finding.end_ms)
        for finding in findings
        if finding.start_ms is not None and finding.end_ms is not None
    )


def text_segments(spoken: Sequence[SpokenText], *, first: int) -> tuple[SegmentPlan, ...]:
    """What is said as text segments of the sound, linked to it in time."""
    return tuple(
        SegmentPlan(
            kind="time",
            ordinal=first + number,
            text=stretch.text,
            start_ms=stretch.start_ms,
            end_ms=stretch.end_ms,
            modality="text",
        )
        for number, stretch in enumerate(spoken)
    )
