"""Prepared and QueryMedia to and from a JSON-able dict and binary parts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from retrieval.redaction.base import finding_from, finding_to
from retrieval.redaction.types import (
    BlindEntry,
    Prepared,
    QueryMedia,
    RedactionCount,
    SegmentPlan,
    StepRecord,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.redaction.base import RedactedText


def prepared_to(prepared: Prepared) -> tuple[dict[str, Any], list[bytes]]:
    """Data and parts (rendition, thumbnail) of a message."""
    data = asdict(prepared)
    parts = [data.pop("rendition"), data.pop("thumbnail")]
    data["captured_at"] = prepared.captured_at.isoformat() if prepared.captured_at else None
    for name in ("findings", "low"):
        data[name] = [finding_to(finding) for finding in getattr(prepared, name)]
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
        "findings": tuple(map(finding_from, data["findings"])),
        "low": tuple(map(finding_from, data["low"])),
        "blind": tuple(BlindEntry(**entry) for entry in data["blind"]),
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


def text_to(redacted: RedactedText) -> dict[str, Any]:
    """JSON-able fields of a redacted text."""
    findings = [finding_to(finding) for finding in redacted.findings]
    return {"text": redacted.text, "findings": findings}


def blind_to(entries: Iterable[BlindEntry]) -> list[dict[str, str]]:
    """JSON-able fields of blind entries."""
    return [asdict(entry) for entry in entries]


def blind_from(data: Iterable[dict[str, str]]) -> list[BlindEntry]:
    """The opposite of ``blind_to``."""
    return [BlindEntry(**entry) for entry in data]


def verdict_to(verdict: Verdict) -> dict[str, Any]:
    """JSON-able fields of a verdict."""
    return {"findings": [finding_to(f) for f in verdict.findings], "reason": verdict.reason}


def verdict_from(data: dict[str, Any]) -> Verdict:
    """The opposite of ``verdict_to``."""
    return Verdict(findings=tuple(map(finding_from, data["findings"])), reason=str(data["reason"]))


def _counts(data: dict[str, Any]) -> tuple[RedactionCount, ...]:
    return tuple(RedactionCount(**count) for count in data["redactions"])
