"""What a redacted file consists of, whatever its modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.redaction.base import Finding
    from retrieval.redaction.types import SegmentPlan, StepRecord
    from workers.sandbox.types import Normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Rendition, its small picture and its segments, and what was found on the way to them."""

    media_type: str
    rendition: bytes
    thumbnail: bytes
    thumbnail_type: str
    segments: tuple[SegmentPlan, ...]
    findings: tuple[Finding, ...] = ()
    low: tuple[Finding, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    language: str = ""
    """ISO 639-1, of what is written or said; empty where that cannot be told."""
    modality: str = ""
    """Where it is another than the file's: the pages of a scan are text."""


def unchanged(media: Normalised, segments: tuple[SegmentPlan, ...]) -> Parts:
    """The parts of a file from which nothing but its metadata was taken."""
    return Parts(
        media_type=media.media_type,
        rendition=media.rendition,
        thumbnail=media.thumbnail or b"",
        thumbnail_type=media.thumbnail_type or "",
        segments=segments,
    )
