"""Value types and protocol of redaction; free of Django, spaCy and Presidio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Operator = Literal["replace", "mask", "keep"]
ImageMetadata = Literal["strip", "keep"]

# What this version of the pipeline is able to find at all. Names, places and organisations need a
# trained recogniser, faces and written text in pictures need detectors: none of those is here yet,
# and reports say so by listing only what is covered.
COVERS: tuple[str, ...] = ("text:structured", "image:metadata", "audio:metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where something personal was recognised; it never holds the text itself.

    ``start`` and ``end`` are character offsets into the text that was analysed (``end`` is
    exclusive).
    ``score`` is the recogniser's confidence in 0..1, higher is surer.
    """

    kind: str
    start: int
    end: int
    score: float
    recognizer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactedText:
    """A text with its findings replaced; ``findings`` carry offsets of the *original* text."""

    text: str
    findings: tuple[Finding, ...] = ()

    def counts(self) -> dict[str, int]:
        """Number of findings by kind, sorted by kind."""
        kinds = sorted(finding.kind for finding in self.findings)
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRule:
    """What is done about one kind where it is found at ``threshold`` or above."""

    threshold: float
    operator: Operator = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePolicy:
    """What happens to pictures; faces, codes and written text are not looked for yet."""

    metadata: ImageMetadata = "strip"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPolicy:
    """What happens to sounds; speech is not looked for yet."""

    metadata: ImageMetadata = "strip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A named, versioned set of redaction rules; kinds that ``entities`` does not name are kept."""

    name: str
    version: int
    entities: Mapping[str, EntityRule]
    image: ImagePolicy = field(default_factory=ImagePolicy)
    audio: AudioPolicy = field(default_factory=AudioPolicy)
    covers: tuple[str, ...] = COVERS
    # Modalities in which nothing can be looked for (arrays) and which pass all the same; ``*`` is
    # every one. Others are quarantined.
    passes: frozenset[str] = frozenset()

    @property
    def ref(self) -> str:
        """Name and version as provenance records them, e.g. ``standard@1``."""
        return f"{self.name}@{self.version}"

    def lets_through(self, modality: str) -> bool:
        """Whether data of a modality in which nothing can be looked for may be kept and shown."""
        return bool(self.passes & {modality, "*"})

    @property
    def kinds(self) -> tuple[str, ...]:
        """Entity kinds that this profile takes out, sorted."""
        return tuple(sorted(k for k, rule in self.entities.items() if rule.operator != "keep"))


class PlaceholderBook(Protocol):
    """Gives the same placeholder to the same value throughout one asset."""

    def placeholder(self, kind: str, value: str) -> str:
        """Text that stands for ``value``, such as ``<EMAIL_ADDRESS_1>``."""


class TextRedactor(Protocol):
    """Finds and replaces what a profile names in text.

    Implementations are safe to call from several threads, keep nothing of what they were given, use
    no
    network, and raise ``RedactionTimeoutError`` rather than return a text they could not finish.
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
        self, text: str, *, profile: Profile, book: PlaceholderBook | None = None
    ) -> RedactedText:
        """The text with its findings replaced; ``book`` carries numbering over from other texts."""

    def redact_many(self, texts: Sequence[str], *, profile: Profile) -> list[RedactedText]:
        """Each text redacted, with one numbering for all of them (one asset)."""
