"""From raw bytes to what may be stored: decode in the sandbox, redact, cut into segments."""

from __future__ import annotations

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
    StepRecord,
    Verdict,
)
from workers.redaction_server import arrays, documents
from workers.redaction_server.parts import Parts, unchanged
from workers.redaction_server.sheets import Sheets, SheetSource, as_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.redaction.base import (
        PlaceholderBook,
        Profile,
        RedactedText,
        TextRedactor,
    )
    from workers.redaction_server.images import Images
    from workers.redaction_server.sounds import Sounds
    from workers.sandbox.types import Limits, Normalised

_MAX_TITLE: Final = 300
_MAX_QUERY_CHARS: Final = 8_000
UNSEEN: Final = "UNSEEN_DATA"
NO_KEYS: Final = RedactionKeys()


class Decoder(SheetSource, Protocol):
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
            modality=parts.modality or modality,
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
            width=None if parts.modality else media.width,
            height=None if parts.modality else media.height,
            duration_ms=duration_ms,
            captured_at=media.captured_at,
            findings=parts.findings[:MAX_FINDINGS],
            low=parts.low[:MAX_FINDINGS],
            language=parts.language,
            scale=_scale(media, parts),
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
        *,
        query: bool = False,
    ) -> Parts:
        """What the redacted file consists of, by its modality."""
        if media.modality == "text" or (media.modality == "image" and media.sheets):
            return self._pages(media, source, profile, book, query=query)
        if media.modality == "image":
            return self.images.redact(media, profile=profile, book=book)
        if media.modality == "audio":
            return self.sounds.redact(media, profile=profile, book=book)
        return unchanged(media, arrays.segments(duration_ms))

    def _pages(
        self,
        media: Normalised,
        source: int | bytes,
        profile: Profile,
        book: PlaceholderBook,
        *,
        query: bool,
    ) -> Parts:
        """A document, its pictures read; a TIFF of several pages is one where there is writing."""
        sheets = Sheets(self.decoder, self.images.redactor)
        read = sheets.read(
            media, source, profile=profile, book=book, limits=self.limits, query=query
        )
        if media.modality == "image":
            if not read.is_document:
                parts = self.images.redact(media, profile=profile, book=book)
                return replace(parts, steps=(*parts.steps, *read.steps))
            media = as_document(media)
        parts = documents.redact(
            media,
            source,
            profile=profile,
            book=book,
            redactor=self.redactor,
            thumbnail=self.decoder.thumbnail_text,
            read=read,
        )
        return replace(parts, modality="text")

    def verify(self, rendition: bytes, *, media_type: str, profile: Profile) -> Verdict:
        """What a second look still finds in a rendition.

        Raises:
            DecodeError, SandboxUnavailable: from the sandbox.
            RedactionTimeoutError: the text could not be analysed.
        """
        if media_type.startswith("text/"):
            text = rendition.decode("utf-8", errors="replace")
            return verify.verify_text(text, profile=profile, redactor=self.verifier)
        if media_type == "audio/ogg":
            return self.sounds.verify(rendition, profile=profile)
        media = self.decoder.sniff_normalise(rendition, limits=self.limits)
        left = verify.verify_metadata(media.metadata_found)
        if left.findings:
            return left
        if media.modality == "image":
            return self.images.verify(media, profile=profile)
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
        text = documents.joined(media)
        if media.modality == "text" and (not media.sheets or len(text) >= _MAX_QUERY_CHARS):
            text = text[:_MAX_QUERY_CHARS]
            redacted = self.redactor.redact(text, profile=profile)
            return QueryMedia(
                modality=modality,
                media_type=media.media_type,
                rendition=b"",
                text=redacted.text,
                redactions=_counts(Counter(finding.kind for finding in redacted.findings)),
            )
        parts = self._parts(media, source, duration_ms, profile, Numbering(), query=True)
        is_text = parts.media_type.startswith("text/")
        return QueryMedia(
            modality=parts.modality or modality,
            media_type=media.media_type if is_text else parts.media_type,
            rendition=b"" if is_text else parts.rendition,
            text=parts.rendition.decode()[:_MAX_QUERY_CHARS] if is_text else "",
            redactions=_counts(Counter(finding.kind for finding in parts.findings)),
            duration_ms=duration_ms,
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
    # A plus before digits stays: without it a telephone number is not known as one.
    return re.sub(r"(?:[_\s]|\+(?!\d))+", " ", stem).strip()[:_MAX_TITLE]


def _scale(media: Normalised, parts: Parts) -> float:
    """Pixels of the upright original a pixel of the rendition; 1 for what is no picture."""
    if parts.modality or not media.width or not media.original_width:
        return 1.0
    return media.original_width / media.width


def _counts(counted: Counter[str]) -> tuple[RedactionCount, ...]:
    return tuple(RedactionCount(kind=kind, count=counted[kind]) for kind in sorted(counted))
