"""Data of other modalities than text, image and audio: what an upload says it is, and its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval import segmentation
from retrieval.redaction.types import SegmentPlan
from workers.sandbox.reasons import decode_error

if TYPE_CHECKING:
    from retrieval.redaction.base import Profile
    from workers.sandbox.types import Normalised

_ARRAY: Final = "array"
_MS: Final = 1000
_SERIES_AXES: Final = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """What the uploader says a file shows. ``rate_hz``: rows a second of a series, 0 if unknown."""

    modality: str = ""
    rate_hz: int = 0


NO_CLAIM: Final = Claim()


def modality_of(media: Normalised, claim: Claim, profile: Profile) -> str:
    """The asset's modality, once file and claim agree and the profile lets such data through.

    Raises:
        DecodeError: an array of which nobody says what it shows; a claim that another kind of file
            belies; or an array where the profile wants everything looked at, which awaits a human.
    """
    if media.modality != _ARRAY:
        if claim.modality not in {"", media.modality}:
            raise decode_error("modality-mismatch")
        return media.modality
    if not claim.modality:
        raise decode_error("modality-missing")
    if claim.modality in {"text", "image", "audio"}:
        raise decode_error("modality-mismatch")
    if not profile.lets_through(claim.modality):
        raise decode_error("not-redactable")
    return claim.modality


def duration_ms(media: Normalised, claim: Claim) -> int | None:
    """How long a media file or a series lasts; None for what has no duration."""
    timed = len(media.shape) in range(1, _SERIES_AXES + 1) and claim.rate_hz > 0
    return max(1, media.shape[0] * _MS // claim.rate_hz) if timed else media.duration_ms


def segments(duration: int | None) -> tuple[SegmentPlan, ...]:
    """Windows of time where there is a duration, else the whole."""
    if duration is None:
        return (SegmentPlan(kind="whole", ordinal=0),)
    return tuple(
        SegmentPlan(kind="time", ordinal=ordinal, start_ms=start, end_ms=end)
        for ordinal, (start, end) in enumerate(segmentation.audio_windows(duration))
    )
