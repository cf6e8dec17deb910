"""What is to be taken out of a sound under a profile: voices, or what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from retrieval.redaction.audio import pii
from retrieval.redaction.audio.regions import Region, regions
from retrieval.redaction.base import AudioFindings, Finding
from retrieval.redaction.errors import RedactionError
from retrieval.redaction.placeholders import Numbering

if TYPE_CHECKING:
    from retrieval.redaction.audio.silero import Samples
    from retrieval.redaction.audio.vad import Detector
    from retrieval.redaction.audio.words import Transcriber
    from retrieval.redaction.base import AudioPolicy, PlaceholderBook, Profile, TextRedactor

VOICE: Final = "VOICE"
_DETECTOR: Final = "silero-vad"
_AUDIBLE: Final = 0.1
"""Below this score nobody says a word that a transcriber could hear."""
_UNINTELLIGIBLE: Final = "unintelligible"

Pieces = Callable[[], Iterable["Samples"]]
"""Gives the sound's consecutive mono samples at 16 kHz anew each time: it may be heard twice."""


class NoTranscriberError(RedactionError):
    """The profile wants spoken personal data muted, and nobody here can write down speech."""


class SpeechRedactor:
    """Finds speech, or what is personal in it; safe to call from several threads."""

    name = "speech"

    def __init__(
        self,
        detector: Detector,
        text: TextRedactor,
        *,
        verifier: TextRedactor | None = None,
        transcriber: Transcriber | None = None,
    ) -> None:
        """``text`` analyses what is said, ``verifier`` in the second look."""
        self._detector = detector
        self._text = text
        self._verifier = verifier or text
        self._transcriber = transcriber

    @property
    def version(self) -> str:
        """The detector's, and the transcriber's where there is one."""
        parts = [self._detector.version]
        if self._transcriber is not None:
            parts.append(f"{self._transcriber.name}-{self._transcriber.version}")
        return ",".join(parts)

    def looks(self, profile: Profile) -> bool:
        """Whether anything of a sound need be heard under this profile."""
        return profile.audio.speech != "keep" or self._transcriber is not None

    def find(
        self,
        pieces: Pieces,
        *,
        profile: Profile,
        book: PlaceholderBook | None = None,
        again: bool = False,
    ) -> AudioFindings:
        """Times to mute, times for a steward, and the redacted words where the voice stays.

        Raises:
            NoTranscriberError: the profile wants words judged and refuses to do without.
            RedactionTimeoutError: the words could not be analysed.
        """
        policy = profile.audio
        if policy.speech == "keep" and self._transcriber is None:
            return AudioFindings()
        if policy.speech == "mute_pii" and self._transcriber is None:
            if policy.without_transcriber == "refuse":
                raise NoTranscriberError("no transcriber is installed")
            return self._voices(pieces, policy, again=again)
        if policy.speech == "mute_speech":
            return self._voices(pieces, policy, again=again)
        return self._words(pieces, profile, book or Numbering(), again=again)

    def _voices(self, pieces: Pieces, policy: AudioPolicy, *, again: bool) -> AudioFindings:
        scores = self._detector.scores(pieces(), again=again)
        found = regions(scores, threshold=policy.speech_threshold)
        return AudioFindings(findings=tuple(_voice(region) for region in found))

    def _words(
        self, pieces: Pieces, profile: Profile, book: PlaceholderBook, *, again: bool
    ) -> AudioFindings:
        assert self._transcriber is not None  # noqa: S101 - the caller has looked
        scores = self._detector.scores(pieces(), again=again)
        audible = regions(scores, threshold=_AUDIBLE)
        words = pii.heard(self._transcriber.words(pieces(), again=again), audible)
        redactor = self._verifier if again else self._text
        said = pii.spoken(words, lambda text: redactor.analyse(text, profile=profile))
        if profile.audio.speech == "keep":
            return AudioFindings(spoken=pii.transcript(said, profile=profile, book=book))
        speech = regions(scores, threshold=profile.audio.speech_threshold)
        unheard = pii.unheard(speech, words)
        silent = [
            Finding(kind=VOICE, score=1.0, recognizer=_UNINTELLIGIBLE, start_ms=start, end_ms=end)
            for start, end in unheard
        ]
        return AudioFindings(
            findings=tuple(sorted([*pii.timed(said), *silent], key=lambda f: f.start_ms or 0)),
            spoken=pii.transcript(said, profile=profile, book=book, without=unheard),
        )


def _voice(region: Region) -> Finding:
    return Finding(
        kind=VOICE,
        score=region.score,
        recognizer=_DETECTOR,
        start_ms=region.start_ms,
        end_ms=region.end_ms,
    )
