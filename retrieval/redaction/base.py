"""Value types and protocol of redaction; free of Django, spaCy and Presidio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

Operator = Literal["replace", "mask", "hash", "keep"]
MetadataPolicy = Literal["strip", "keep"]
TextInPictures = Literal["redact", "keep"]
Fill = Literal["fill", "keep"]
SpeechPolicy = Literal["mute_speech", "mute_pii", "keep"]
WithoutTranscriber = Literal["mute_speech", "refuse"]
MutedAs = Literal["silence", "tone"]
Box = tuple[int, int, int, int]
"""(x, y, width, height) in pixels, x to the right, y down, from the upper left corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where something personal was recognised; it never holds the content itself.

    ``score`` is the recogniser's confidence in 0..1, higher is surer. Where it is depends on the
    modality: ``start`` and ``end`` (exclusive) are characters of the text that was analysed;
    ``box`` is in pixels of the rendition; ``start_ms`` and ``end_ms`` are milliseconds of the
    rendition. ``page`` counts from 1.
    """

    kind: str
    score: float
    recognizer: str
    start: int = 0
    end: int = 0
    box: Box | None = None
    page: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionKeys:
    """Secrets that travel with a request, never with a result. Empty: the use is off.

    ``hash_key`` is the collection's, for the operator ``hash``; ``blind_key`` is the period's, for
    the blind indexes by which a person's assets are found again.
    """

    hash_key: bytes = field(default=b"", repr=False)
    blind_key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactedText:
    """A text with its findings replaced; ``findings`` carry offsets of the *original* text."""

    text: str
    findings: tuple[Finding, ...] = ()
    low: tuple[Finding, ...] = ()
    """Found between a rule's ``review`` and its threshold: left in, shown to a steward."""

    def counts(self) -> dict[str, int]:
        """Number of findings by kind, sorted by kind."""
        kinds = sorted(finding.kind for finding in self.findings)
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRule:
    """What is done about one kind where it is found at ``threshold`` or above.

    With ``review`` set, what is found at ``review`` or above but below ``threshold`` stays in and
    is put before a steward.
    """

    threshold: float
    operator: Operator = "replace"
    review: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePolicy:
    """What happens to pictures. Thresholds are the face detector's scores, 0..1."""

    metadata: MetadataPolicy = "strip"
    text: TextInPictures = "redact"
    faces: Fill = "fill"
    codes: Fill = "fill"
    face_threshold: float = 0.4
    face_review: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPolicy:
    """What happens to sounds. The threshold is the speech detector's score, 0..1."""

    metadata: MetadataPolicy = "strip"
    speech: SpeechPolicy = "mute_speech"
    without_transcriber: WithoutTranscriber = "mute_speech"
    speech_threshold: float = 0.5
    muted_as: MutedAs = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A named, versioned set of redaction rules; kinds that ``entities`` does not name are kept."""

    name: str
    version: int
    entities: Mapping[str, EntityRule]
    image: ImagePolicy = field(default_factory=ImagePolicy)
    audio: AudioPolicy = field(default_factory=AudioPolicy)
    # Modalities in which nothing can be looked for (arrays) and which pass all the same; ``*`` is
    # every one. Others are quarantined.
    passes: frozenset[str] = frozenset()
    # Words that are never taken out, and words that always are, without regard to case.
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    # Languages (ISO 639-1) let through although names are not reliably found in them, besides
    # those in which they are; ``*`` is every one. Text in others is quarantined.
    languages: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """Name and version as provenance records them, e.g. ``standard@1``."""
        return f"{self.name}@{self.version}"

    def lets_through(self, modality: str) -> bool:
        """Whether data of a modality in which nothing can be looked for may be kept and shown."""
        return bool(self.passes & {modality, "*"})

    @property
    def covers(self) -> tuple[str, ...]:
        """What is looked for and taken out at all, as reports tell it."""
        looked_for = {
            "text:structured": True,
            "text:names": "PERSON" in self.kinds,
            "image:metadata": True,
            "image:text": self.image.text == "redact",
            "image:faces": self.image.faces == "fill",
            "image:codes": self.image.codes == "fill",
            "audio:metadata": True,
            "audio:speech": self.audio.speech != "keep",
        }
        return tuple(what for what, yes in looked_for.items() if yes)

    @property
    def any_language(self) -> bool:
        """Whether text passes in whatever language it is."""
        return "*" in self.languages

    @property
    def kinds(self) -> tuple[str, ...]:
        """Entity kinds that this profile takes out, sorted."""
        return tuple(sorted(k for k, rule in self.entities.items() if rule.operator != "keep"))


class PlaceholderBook(Protocol):
    """Gives the same placeholder to the same value throughout one asset."""

    def placeholder(self, kind: str, value: str) -> str:
        """Text that stands for ``value``, such as ``<EMAIL_ADDRESS_1>``."""

    def hashed(self, kind: str, value: str) -> str:
        """Text that stands for ``value`` throughout a collection."""

    def note(self, kind: str, value: str) -> None:
        """Remember that ``value`` was taken out, whatever stands in its place."""


class TextRedactor(Protocol):
    """Finds and replaces what a profile names in text.

    Implementations are safe to call from several threads, keep nothing of what they were given,
    use no network, and raise ``RedactionTimeoutError`` rather than return a text they could not
    finish.
    """

    @property
    def name(self) -> str:
        """Component name for provenance."""

    @property
    def version(self) -> str:
        """Component version for provenance."""

    def analyse(self, text: str, *, profile: Profile) -> tuple[Finding, ...]:
        """Findings at the profile's thresholds, ordered by start, not overlapping."""

    def redact(
        self,
        text: str,
        *,
        profile: Profile,
        book: PlaceholderBook | None = None,
    ) -> RedactedText:
        """The text with its findings replaced; ``book`` carries numbering over from other texts."""

    def redact_many(self, texts: Sequence[str], *, profile: Profile) -> list[RedactedText]:
        """Each text redacted, with one numbering for all of them (one asset)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFindings:
    """What was found in one picture.

    ``findings`` are to be filled, ``low`` are for a steward. ``text`` is what is written in the
    picture, in reading order, already redacted; ``unreadable`` says that there is more writing than
    could be read, so that the picture must not pass.
    """

    findings: tuple[Finding, ...] = ()
    low: tuple[Finding, ...] = ()
    text: str = ""
    unreadable: bool = False
    polygons: tuple[tuple[tuple[int, int], ...], ...] = ()
    """What is filled for each of ``findings``, as (x, y) corners: writing may stand askew."""


class ImageRedactor(Protocol):
    """Finds faces, codes, plates and written personal data in a decoded picture.

    Implementations are safe to call from several threads, keep nothing, use no network, and raise
    ``RedactionError`` rather than return a picture that they could not look at.
    """

    @property
    def name(self) -> str:
        """Component name for provenance."""

    @property
    def version(self) -> str:
        """Component version for provenance."""

    def find(
        self,
        pixels: npt.NDArray[np.uint8],
        *,
        profile: Profile,
        book: PlaceholderBook | None = None,
        again: bool = False,
    ) -> ImageFindings:
        """Findings at the profile's level in RGB ``pixels`` (height, width, 3).

        ``again``: the second look, by other preprocessing than the first.
        """


class AudioRedactor(Protocol):
    """Finds speech, or the personal data spoken in it.

    Implementations are safe to call from several threads, keep nothing, use no network, and raise
    ``RedactionError`` rather than return a sound that they could not listen to.
    """

    @property
    def name(self) -> str:
        """Component name for provenance."""

    @property
    def version(self) -> str:
        """Component version for provenance."""

    def find(
        self,
        pieces: Callable[[], Iterable[npt.NDArray[np.float32]]],
        *,
        profile: Profile,
        book: PlaceholderBook | None = None,
        again: bool = False,
    ) -> AudioFindings:
        """Findings at the profile's level.

        ``pieces`` gives consecutive mono samples at 16 kHz, anew each time it is called: a sound
        may be heard twice. ``again``: the second look, by other preprocessing than the first.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenText:
    """One stretch of a redacted transcript."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFindings:
    """What was found in one sound: times to mute, times for a steward, and what is said."""

    findings: tuple[Finding, ...] = ()
    low: tuple[Finding, ...] = ()
    spoken: tuple[SpokenText, ...] = ()


def finding_to(finding: Finding) -> dict[str, Any]:
    """A finding as JSON-able fields, those left out that say nothing about where it is."""
    data: dict[str, Any] = {
        "kind": finding.kind,
        "score": finding.score,
        "recognizer": finding.recognizer,
    }
    if finding.box is not None:
        data["box"] = list(finding.box)
    elif finding.start_ms is not None:
        data |= {"start_ms": finding.start_ms, "end_ms": finding.end_ms}
    else:
        data |= {"start": finding.start, "end": finding.end}
    return data | ({} if finding.page is None else {"page": finding.page})


def finding_from(data: Mapping[str, Any]) -> Finding:
    """The opposite of ``finding_to``."""
    box = data.get("box")
    return Finding(**{**data, "box": tuple(box) if box else None})
