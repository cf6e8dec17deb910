"""Pictures in the redaction server: what is found in them, and what is left of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from retrieval import segmentation
from retrieval.redaction.language import language_check, language_of
from retrieval.redaction.types import SegmentPlan, StepRecord, Verdict
from retrieval.redaction.verify import INCOMPLETE
from workers.redaction_server import arrays
from workers.redaction_server.parts import Parts, unchanged
from workers.sandbox.reasons import decode_error
from workers.sandbox.types import MAX_POLYGONS, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.redaction.base import ImageFindings, ImageRedactor, PlaceholderBook, Profile
    from workers.sandbox.types import Limits, Normalised, Painted

_WHOLE: Final = TensorSpec(longest_side=2048)
# Fewer are a street number, or a texture taken for a letter.
_MIN_LETTERS: Final = 4
_TYPE: Final = "image/webp"


class Painter(Protocol):
    """The part of the sandbox that is used here; all calls block."""

    def tensors(
        self, rendition: bytes | int, *, media_type: str, spec: TensorSpec, limits: Limits = ...
    ) -> Sequence[NDArray[Any]]:
        """The picture's pixels, uint8 (height, width, 3) RGB, as the only one."""

    def paint(
        self,
        rendition: bytes | int,
        *,
        polygons: Sequence[Sequence[tuple[int, int]]],
        limits: Limits = ...,
    ) -> Painted:
        """The picture with polygons filled."""


@dataclass(frozen=True, slots=True)
class Images:
    """Redacts and verifies pictures; safe to call from several threads."""

    painter: Painter
    redactor: ImageRedactor

    def redact(self, media: Normalised, *, profile: Profile, book: PlaceholderBook) -> Parts:
        """What may be stored of it: filled where something was found, untouched elsewhere.

        What is written in it becomes text segments of its own, redacted.

        Raises:
            DecodeError: picture-unreadable, or from the sandbox.
            RedactionError: it could not be looked at.
        """
        if not _looks(profile):
            return unchanged(media, arrays.segments(None))
        found = self._find(media.rendition, profile, book)
        segments = (*arrays.segments(None), *_written(found.text))
        parts = unchanged(media, segments)
        if found.polygons:
            painted = self.painter.paint(media.rendition, polygons=found.polygons)
            parts = replace(parts, rendition=painted.rendition, thumbnail=painted.thumbnail)
        return replace(
            parts,
            findings=found.findings,
            low=found.low,
            language=language_of(found.text),
            steps=(
                StepRecord(
                    step=f"look for faces, codes and writing, fill {len(found.polygons)}",
                    component=self.redactor.name,
                    version=self.redactor.version,
                ),
            ),
        )

    def verify(self, media: Normalised, *, profile: Profile) -> Verdict:
        """What a second look still finds in a rendition.

        Raises:
            DecodeError: from the sandbox.
            RedactionError: it could not be looked at.
        """
        if not _looks(profile):
            return Verdict()
        pixels = self._pixels(media.rendition)
        left = self.redactor.find(pixels, profile=profile, again=True)
        if left.unreadable:
            return Verdict(findings=left.findings, reason="picture-unreadable")
        reason = INCOMPLETE if left.findings else language_check(left.text, profile)
        return Verdict(findings=left.findings, reason=reason or "")

    def _find(self, rendition: bytes, profile: Profile, book: PlaceholderBook) -> ImageFindings:
        found = self.redactor.find(self._pixels(rendition), profile=profile, book=book)
        if found.unreadable or len(found.polygons) > MAX_POLYGONS:
            raise decode_error("picture-unreadable")
        return found

    def _pixels(self, rendition: bytes) -> NDArray[np.uint8]:
        (pixels,) = self.painter.tensors(rendition, media_type=_TYPE, spec=_WHOLE)
        return np.ascontiguousarray(pixels, dtype=np.uint8)


def _looks(profile: Profile) -> bool:
    """Whether the profile wants anything looked for in pictures."""
    policy = profile.image
    return policy.text == "redact" or policy.faces == "fill" or policy.codes == "fill"


def _written(text: str) -> tuple[SegmentPlan, ...]:
    """Redacted writing as text segments behind the picture's own."""
    if sum(map(str.isalnum, text)) < _MIN_LETTERS:
        return ()
    chunks = segmentation.chunk_text([segmentation.Page(None, text)])
    return tuple(
        SegmentPlan(kind="chunk", ordinal=chunk.ordinal + 1, text=chunk.text, modality="text")
        for chunk in chunks
    )
