"""What the redaction server answers when more is taken out of a rendition, and how it travels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from retrieval.redaction.amending import Edit
from retrieval.redaction.types import SegmentPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """A redacted rendition from which more was taken.

    ``segments`` are made anew from it where they were asked for; None where those that there are
    only move: by ``edits`` in a text, or lose what was said in muted times.
    """

    rendition: bytes
    thumbnail: bytes
    segments: tuple[SegmentPlan, ...] | None = None
    edits: tuple[Edit, ...] = ()


def amended_to(amended: Amended) -> tuple[dict[str, Any], list[bytes]]:
    """Data and parts (rendition, thumbnail) of a message."""
    segments = amended.segments
    data = {
        "segments": None if segments is None else [asdict(segment) for segment in segments],
        "edits": [[edit.start, edit.end, edit.length] for edit in amended.edits],
    }
    return data, [amended.rendition, amended.thumbnail]


def amended_from(data: dict[str, Any], parts: Sequence[memoryview]) -> Amended:
    """The opposite of ``amended_to``."""
    segments = data["segments"]
    return Amended(
        rendition=bytes(parts[0]),
        thumbnail=bytes(parts[1]),
        segments=None if segments is None else tuple(SegmentPlan(**one) for one in segments),
        edits=tuple(Edit(*edit) for edit in data["edits"]),
    )
