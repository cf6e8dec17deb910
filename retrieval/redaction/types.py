"""What the redaction server answers, as frozen values; numpy and the standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from retrieval.redaction.base import Finding

Modality = str
"""``text``, ``image``, ``audio``, or another word that an installed model embeds."""
SegmentKind = Literal["whole", "chunk", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """One unit that will be embedded and found.

    ``start``/``end`` are character offsets in the text rendition (kind ``chunk``),
    ``start_ms``/``end_ms`` are
    milliseconds (kind ``time``); ``text`` is redacted text, empty for pictures and sounds.
    ``modality`` is the segment's own where it is another than the asset's: what is written in a
    picture and what is said in a sound are text.
    """

    kind: SegmentKind
    ordinal: int
    text: str = ""
    page: int | None = None
    start: int | None = None
    end: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    modality: Modality = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindEntry:
    """A keyed hash (hex) of one identifier that was taken out, by which its assets are found."""

    kind: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionCount:
    """How many places of one kind were taken out."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One processing step for the provenance list."""

    step: str
    component: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An upload after decoding and redaction: what may be stored, shown and embedded."""

    modality: Modality
    source_type: str
    media_type: str
    rendition: bytes
    thumbnail: bytes
    thumbnail_type: str
    title: str
    segments: tuple[SegmentPlan, ...]
    redactions: tuple[RedactionCount, ...]
    steps: tuple[StepRecord, ...]
    profile_version: str
    covers: tuple[str, ...]
    metadata_removed: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    captured_at: datetime | None = None
    findings: tuple[Finding, ...] = ()
    """What was taken out and where, ``MAX_FINDINGS`` at most.

    Offsets are characters of the file as sent for plain text and Markdown, otherwise of its pages'
    text joined by empty lines; boxes and times are the rendition's.
    """
    low: tuple[Finding, ...] = ()
    """What was left in for a steward to judge; characters are the *rendition's*."""
    language: str = ""
    """ISO 639-1; empty where the text is too short or too mixed to say."""
    blind: tuple[BlindEntry, ...] = ()
    scale: float = 1.0
    """Pixels of the upright original a pixel of the rendition, for pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the second look still found in a rendition, and why it must not pass.

    ``reason`` is a code: empty where the rendition is clean.
    """

    findings: tuple[Finding, ...] = ()
    reason: str = ""

    @property
    def kinds(self) -> list[str]:
        """Kinds still found, sorted."""
        return sorted({finding.kind for finding in self.findings})


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryMedia:
    """A file given as a query, decoded and redacted in memory.

    ``rendition`` is ready for ``RedactionClient.tensors``; for a text file it is empty and ``text``
    holds the query.
    """

    modality: Modality
    media_type: str
    rendition: bytes
    text: str
    redactions: tuple[RedactionCount, ...]
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """What a model wants of a rendition; image towers read ``longest_side``, audio towers the rest.

    For arrays over time ``sample_rate`` is in rows a second; other arrays come as they are.

    ``windows_ms`` gives (start, end) pairs in milliseconds, ascending; ``sample_rate`` is in hertz.
    Ask for at most ``MAX_WINDOWS`` windows at a time: they come back in memory at once.
    """

    longest_side: int = 512
    sample_rate: int = 48_000
    windows_ms: tuple[tuple[int, int], ...] = ()


MAX_WINDOWS: Final = 64
MAX_FINDINGS: Final = 5_000
