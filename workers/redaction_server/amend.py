"""More taken out of a rendition that is redacted already: what a steward drew on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval import segmentation
from retrieval.redaction.amended import Amended
from retrieval.redaction.amending import text_amend
from retrieval.redaction.audio.regions import at_most
from retrieval.redaction.errors import RedactionError
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.types import SegmentPlan
from workers.redaction_server import arrays
from workers.redaction_server.sounds import times
from workers.sandbox import MAX_POLYGONS, DecodeError
from workers.sandbox.types import MAX_INTERVALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.redaction.base import Finding, Profile
    from workers.redaction_server.pipeline import Pipeline
    from workers.sandbox import Sandbox

_NOT_DRAWABLE: Final = "Nothing can be drawn on this kind of file."


@dataclass(frozen=True, slots=True)
class Amender:
    """Takes regions out of renditions of our own making; safe to call from several threads."""

    pipeline: Pipeline
    sandbox: Sandbox

    def amend(
        self,
        rendition: bytes,
        *,
        media_type: str,
        regions: Sequence[Finding],
        profile: Profile,
        segments: bool,
    ) -> Amended:
        """The rendition without ``regions``, written anew, so that nothing rides along in it.

        ``segments``: what is written in a picture is read again.

        Raises:
            DecodeError, SandboxUnavailable: from the sandbox, or nothing can be drawn on it.
        """
        if media_type.startswith("text/"):
            return self._text(rendition.decode("utf-8", errors="replace"), regions)
        if media_type.startswith("audio/"):
            return self._sound(rendition, regions)
        if media_type.startswith("image/"):
            return self._picture(rendition, regions, profile, segments=segments)
        raise DecodeError("not-drawable", _NOT_DRAWABLE, "quarantined")

    def _text(self, text: str, regions: Sequence[Finding]) -> Amended:
        made = text_amend(text, regions)
        chunks = segmentation.chunk_text([segmentation.Page(None, made.text)])
        return Amended(
            rendition=made.text.encode(),
            thumbnail=self.sandbox.thumbnail_text(made.text),
            segments=tuple(
                SegmentPlan(
                    kind="chunk", ordinal=one.ordinal, text=one.text, start=one.start, end=one.end
                )
                for one in chunks
            ),
            edits=made.edits,
        )

    def _sound(self, rendition: bytes, regions: Sequence[Finding]) -> Amended:
        muted = self.sandbox.mute(
            rendition,
            intervals_ms=at_most(times(regions), MAX_INTERVALS),
            limits=self.pipeline.limits,
        )
        return Amended(rendition=muted.rendition, thumbnail=muted.thumbnail)

    def _picture(
        self, rendition: bytes, regions: Sequence[Finding], profile: Profile, *, segments: bool
    ) -> Amended:
        boxes = [region.box for region in regions if region.box is not None]
        for first in range(0, max(len(boxes), 1), MAX_POLYGONS):
            some = boxes[first : first + MAX_POLYGONS]
            painted = self.sandbox.paint(rendition, boxes=some, limits=self.pipeline.limits)
            rendition = painted.rendition
        plans = self._written(painted.rendition, profile) if segments else None
        return Amended(rendition=painted.rendition, thumbnail=painted.thumbnail, segments=plans)

    def _written(self, rendition: bytes, profile: Profile) -> tuple[SegmentPlan, ...]:
        """The picture's segments; without its writing where that cannot be read.

        Whether it may pass all the same, the second look says, and the steward who saw it.
        """
        media = self.sandbox.sniff_normalise(rendition, limits=self.pipeline.limits)
        try:
            parts = self.pipeline.images.redact(media, profile=profile, book=Numbering())
        except (DecodeError, RedactionError):
            return arrays.segments(None)
        return parts.segments
