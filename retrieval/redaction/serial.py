"""Prepared and QueryMedia to and from a JSON-able dict and binary parts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from retrieval.redaction.types import Prepared, QueryMedia, RedactionCount, SegmentPlan, StepRecord

if TYPE_CHECKING:
    from collections.abc import Sequence


def prepared_to(prepared: Prepared) -> tuple[dict[str, Any], list[bytes]]:
    """Data and parts (rendition, thumbnail) of a message."""
    data = asdict(prepared)
    parts = [data.pop("rendition"), data.pop("thumbnail")]
    data["captured_at"] = prepared.captured_at.isoformat() if prepared.captured_at else None
    return data, parts


def prepared_from(data: dict[str, Any], parts: Sequence[memoryview]) -> Prepared:
    """The opposite of ``prepared_to``."""
    captured_at = data["captured_at"]
    fields = {
        **data,
        "segments": tuple(SegmentPlan(**segment) for segment in data["segments"]),
        "redactions": _counts(data),
        "steps": tuple(StepRecord(**step) for step in data["steps"]),
        "covers": tuple(data["covers"]),
        "metadata_removed": tuple(data["metadata_removed"]),
        "captured_at": datetime.fromisoformat(captured_at) if captured_at else None,
    }
    return Prepared(**fields, rendition=bytes(parts[0]), thumbnail=bytes(parts[1]))


def query_media_to(media: QueryMedia) -> tuple[dict[str, Any], list[bytes]]:
    """Data and parts (rendition) of a message."""
    data = asdict(media)
    return data, [data.pop("rendition")]


def query_media_from(data: dict[str, Any], parts: Sequence[memoryview]) -> QueryMedia:
    """The opposite of ``query_media_to``."""
    return QueryMedia(**{**data, "redactions": _counts(data)}, rendition=bytes(parts[0]))


def _counts(data: dict[str, Any]) -> tuple[RedactionCount, ...]:
    return tuple(RedactionCount(**count) for count in data["redactions"])
