"""One file through the whole of redaction, as ingestion does it, with nothing stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.redaction.amending import ROUNDS, takeable
from retrieval.redaction.language import UNSUPPORTED, language_supported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrieval.redaction.base import Box, Finding, Profile
    from retrieval.redaction.client import RedactionClient
    from retrieval.redaction.types import Prepared


@dataclass(frozen=True, slots=True)
class Through:
    """What became of the file: without a ``reason`` it may pass.

    ``findings`` are all that was taken out; boxes are in pixels of the upright original.
    """

    modality: str
    rendition: bytes
    findings: tuple[Finding, ...]
    reason: str


def through(
    client: RedactionClient, stream: Iterable[bytes], *, name: str, profile: Profile
) -> Through:
    """The file redacted, looked at again, and, where that found more, redacted and looked at again.

    Raises:
        RedactionRefusedError, RedactionUnavailableError: as the client's calls.
    """
    prepared = client.prepare(stream, name=name, title="", profile=profile)
    rendition, findings = prepared.rendition, prepared.findings
    pixels = (prepared.width or 0) * (prepared.height or 0)
    media_type = prepared.media_type
    verdict = client.verify(rendition, media_type=media_type, profile=profile)
    for _ in range(ROUNDS):
        if not takeable(verdict.findings, pixels=pixels):
            break
        findings = (*findings, *verdict.findings)
        rendition = client.amend(
            rendition,
            media_type=media_type,
            regions=verdict.findings,
            profile=profile,
            segments=False,
        ).rendition
        verdict = client.verify(rendition, media_type=media_type, profile=profile)
    reason = ": ".join(part for part in (verdict.reason, ", ".join(verdict.kinds)) if part)
    if not reason and not language_supported(prepared.language, profile):
        reason = f"{UNSUPPORTED}: {prepared.language}"
    return Through(prepared.modality, rendition, _in_original(findings, prepared), reason)


def _in_original(findings: tuple[Finding, ...], prepared: Prepared) -> tuple[Finding, ...]:
    return tuple(
        one if one.box is None else replace(one, box=_scaled(one.box, prepared.scale))
        for one in findings
    )


def _scaled(box: Box, scale: float) -> Box:
    x, y, width, height = (round(side * scale) for side in box)
    return x, y, width, height
