"""From raw bytes to what may be stored: decode in the sandbox, redact, cut into segments."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

from retrieval import segmentation
from retrieval.redaction import verify
from retrieval.redaction.base import RedactionKeys
from retrieval.redaction.blind import blind_entries
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.types import (
    MAX_FINDINGS,
    BlindEntry,
    Prepared,
    QueryMedia,
    RedactionCount,
    SegmentPlan,
    StepRecord,
    Verdict,
)
from workers.redaction_server import arrays, offsets
from workers.redaction_server.parts import Parts, unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.redaction.base import (
        Finding,
        PlaceholderBook,
        Profile,
        RedactedText,
        TextRedactor,
    )
    from workers.redaction_server.images import Images
    from workers.redaction_server.sounds import Sounds
    from workers.sandbox.types import Limits, Normalised

TEXT_TYPE: Final = "text/plain; charset=utf-8"
_PLAIN: Final = frozenset({"text/plain", "text/markdown"})
_MAX_TITLE: Final = 300
_MAX_QUERY_CHARS: Final = 8_000
UNSEEN: Final = "UNSEEN_DATA"
NO_KEYS: Final = RedactionKeys()


class Decoder(Protocol):
    """The part of the sandbox that is used here; all calls block."""

    def sniff_normalise(
        self, source: bytes | int, *, name_hint: str = ..., limits: Limits = ...
    ) -> Normalised:
        """The file decoded and without its metadata."""

    def thumbnail_text(self, text: str) -> bytes:
        """A picture (WebP) of the first lines."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Decoder and redactors bound together; safe to call from several threads."""

    decoder: Decoder
    redactor: TextRedactor
    verifier: TextRedactor
    images: Images
    sounds: Sounds
    limits: Limits

    def prepare(
        self,
        source: int | bytes,
        *,
        name: str,
        title: str,
        profile: Profile,
        claim: arrays.Claim = arrays.NO_CLAIM,
        keys: RedactionKeys = NO_KEYS,
    ) -> Prepared:
        """The upload redacted and cut into segments.

        Raises:
            DecodeError, SandboxUnavailable: from the sandbox.
            RedactionTimeoutError: nothing of the upload may pass.
        """
        media = self.decoder.sniff_normalise(source, name_hint=name, limits=self.limits)
        modality = arrays.modality_of(media, claim, profile)
        duration_ms = arrays.duration_ms(media, claim)
        book = Numbering(hash_key=keys.hash_key)
        label = self.redactor.redact(_label(title, name), profile=profile, book=book)
        parts = self._parts(media, source, duration_ms, profile, book)
        counted = Counter(finding.kind for finding in (*label.findings, *parts.findings))
        return Prepared(
            modality=modality,
            source_type=media.source_type,
            media_type=parts.media_type,
            rendition=parts.rendition,
            thumbnail=parts.thumbnail,
            thumbnail_type=parts.thumbnail_type,
            title=label.text,
            segments=parts.segments,
            redactions=_counts(counted),
            steps=self._steps(media, parts, profile),
            profile_version=profile.ref,
            covers=profile.covers,
            metadata_removed=media.metadata_found,
            width=media.width,
            height=media.height,
            duration_ms=duration_ms,
            captured_at=media.captured_at,
            findings=parts.findings[:MAX_FINDINGS],
            low=parts.low[:MAX_FINDINGS],
            blind=blind_entries(book.seen, key=keys.blind_key),
        )

    def redact_words(
        self, texts: Sequence[str], *, profile: Profile, keys: RedactionKeys = NO_KEYS
    ) -> tuple[list[RedactedText], tuple[BlindEntry, ...]]:
        """Short texts of one asset redacted with one numbering, and their blind entries.

        Raises:
            RedactionTimeoutError: nothing of them may pass.
        """
        book = Numbering(hash_key=keys.hash_key)
        redacted = [self.redactor.redact(text, profile=profile, book=book) for text in texts]
        return redacted, blind_entries(book.seen, key=keys.blind_key)

    def _parts(
        self,
        media: Normalised,
        source: int | bytes,
        duration_ms: int | None,
        profile: Profile,
        book: PlaceholderBook,
    ) -> Parts:
        """What the redacted file consists of, by its modality."""
        if media.modality == "text":
            return self._text_parts(media, source, profile, book)
        if media.modality == "image":
            return self.images.redact(media, profile=profile, book=book)
        if media.modality == "audio":
            return self.sounds.redact(media, profile=profile, book=book)
        return unchanged(media, arrays.segments(duration_ms))

    def verify(self, rendition: bytes, *, media_type: str, profile: Profile) -> Verdict:
        """What a second look still finds in a rendition.

        Raises:
            DecodeError, SandboxUnavailable: from the sandbox.
            RedactionTimeoutError: the text could not be analysed.
        """
        if media_type.startswith("text/"):
            text = rendition.decode("utf-8", errors="replace")
            return verify.verify_text(text, profile=profile, redactor=self.verifier)
        media = self.decoder.sniff_normalise(rendition, limits=self.limits)
        left = verify.verify_metadata(media.metadata_found)
        if left.findings:
            return left
        if media.modality == "image":
            return self.images.verify(media, profile=profile)
        if media.modality == "audio":
            return self.sounds.verify(media, profile=profile)
        if media.rendition != rendition or not profile.passes:
            # Not as we write arrays, or under a profile that takes none.
            return verify.incomplete(UNSEEN)
        return Verdict()

    def query_file(
        self,
        source: int | bytes,
        *,
        name: str,
        profile: Profile,
        claim: arrays.Claim = arrays.NO_CLAIM,
    ) -> QueryMedia:
        """A query's file, decoded and redacted.

        Raises:
            DecodeError, SandboxUnavailable, RedactionTimeoutError: as ``prepare``.
        """
        media = self.decoder.sniff_normalise(source, name_hint=name, limits=self.limits)
        modality = arrays.modality_of(media, claim, profile)
        duration_ms = arrays.duration_ms(media, claim)
        if media.modality == "text":
            text = segmentation.join_pages(
                [segmentation.Page(page.number, page.text) for page in media.pages]
            )[:_MAX_QUERY_CHARS]
            redacted = self.redactor.redact(text, profile=profile)
            return QueryMedia(
                modality=modality,
                media_type=media.media_type,
                rendition=b"",
                text=redacted.text,
                redactions=_counts(Counter(finding.kind for finding in redacted.findings)),
            )
        parts = self._parts(media, source, duration_ms, profile, Numbering())
        return QueryMedia(
            modality=modality,
            media_type=parts.media_type,
            rendition=parts.rendition,
            text="",
            redactions=_counts(Counter(finding.kind for finding in parts.findings)),
            duration_ms=duration_ms,
        )

    def _text_parts(
        self, media: Normalised, source: int | bytes, profile: Profile, book: PlaceholderBook
    ) -> Parts:
        redacted = [
            self.redactor.redact(page.text, profile=profile, book=book) for page in media.pages
        ]
        pages = [
            segmentation.Page(page.number, part.text)
            for page, part in zip(media.pages, redacted, strict=True)
        ]
        text = segmentation.join_pages(pages)
        segments = tuple(
            SegmentPlan(
                kind="chunk",
                ordinal=chunk.ordinal,
                text=chunk.text,
                page=chunk.page,
                start=chunk.start,
                end=chunk.end,
            )
            for chunk in segmentation.chunk_text(pages)
        )
        return Parts(
            media_type=TEXT_TYPE,
            rendition=text.encode(),
            thumbnail=self.decoder.thumbnail_text(text),
            thumbnail_type="image/webp",
            segments=segments,
            findings=_placed(_joined_findings(media, redacted), media, source),
        )

    def _steps(self, media: Normalised, parts: Parts, profile: Profile) -> tuple[StepRecord, ...]:
        decoded = [
            StepRecord(step=s.step, component=s.component, version=s.version) for s in media.steps
        ]
        redact = StepRecord(
            step="redact",
            component=f"{self.redactor.name}:{profile.ref}",
            version=self.redactor.version,
        )
        segment = StepRecord(step="segment", component="segmentation", version=segmentation.VERSION)
        return (*decoded, redact, *parts.steps, segment)


def _label(title: str, name: str) -> str:
    """What the asset will be called, before redaction.

    In file names an underscore stands for a space; left there, it would glue a number to the word
    beside it and hide both.
    """
    if title.strip():
        return title.strip()[:_MAX_TITLE]
    stem = PurePosixPath(name.replace("\\", "/")).stem
    return re.sub(r"[_+\s]+", " ", stem).strip()[:_MAX_TITLE]


def _counts(counted: Counter[str]) -> tuple[RedactionCount, ...]:
    return tuple(RedactionCount(kind=kind, count=counted[kind]) for kind in sorted(counted))


def _joined_findings(media: Normalised, pages: Sequence[RedactedText]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    offset = 0
    for page, redacted in zip(media.pages, pages, strict=True):
        found += [
            replace(finding, start=finding.start + offset, end=finding.end + offset)
            for finding in redacted.findings
        ]
        offset += len(page.text) + len(segmentation.PAGE_SEPARATOR)
    return tuple(found)


def _placed(
    findings: tuple[Finding, ...], media: Normalised, source: int | bytes
) -> tuple[Finding, ...]:
    """Findings with offsets in the file as sent, where it is plain text; else as they are."""
    if media.source_type not in _PLAIN or len(media.pages) != 1:
        return findings
    data = source if isinstance(source, bytes) else os.pread(source, os.fstat(source).st_size, 0)
    original = offsets.original_text(data)
    placed = offsets.in_original(findings, tidied=media.pages[0].text, original=original)
    return findings if placed is None else placed
