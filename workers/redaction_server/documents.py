"""Documents in the redaction server: text by page, redacted, joined and cut into chunks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from retrieval import segmentation
from retrieval.redaction.language import language_told
from retrieval.redaction.types import SegmentPlan
from workers.redaction_server import offsets
from workers.redaction_server.parts import Parts
from workers.sandbox.reasons import decode_error

if TYPE_CHECKING:
    from retrieval.redaction.base import (
        Finding,
        PlaceholderBook,
        Profile,
        TextRedactor,
    )
    from workers.redaction_server.sheets import Read
    from workers.sandbox.types import Normalised

TEXT_TYPE: Final = "text/plain; charset=utf-8"
PAGE_BREAK: Final = "\n\n"
_PLAIN: Final = frozenset({"text/plain", "text/markdown"})


def redact(
    media: Normalised,
    source: int | bytes,
    *,
    profile: Profile,
    book: PlaceholderBook,
    redactor: TextRedactor,
    thumbnail: Callable[[str], bytes],
    read: Read | None = None,
) -> Parts:
    """The document as redacted text; ``thumbnail`` draws its first lines.

    ``read`` is what stands in its pictures, redacted already: it follows the text of its page.

    Raises:
        DecodeError: no-text-layer, where there is no text even in pictures.
        RedactionTimeoutError: nothing of it may pass.
    """
    redacted = [redactor.redact(page.text, profile=profile, book=book) for page in media.pages]
    pages = [
        segmentation.Page(page.number, _with(part.text, read, page.number))
        for page, part in zip(media.pages, redacted, strict=True)
    ]
    text = segmentation.join_pages(pages)
    if read is not None and not any(map(str.isalnum, text)):
        raise decode_error("no-text-layer")
    found = _joined([part.findings for part in redacted], [page.text for page in media.pages])
    return Parts(
        media_type=TEXT_TYPE,
        rendition=text.encode(),
        thumbnail=thumbnail(text),
        thumbnail_type="image/webp",
        segments=chunks(pages),
        findings=(*_in_source(found, media, source), *(read.findings if read else ())),
        low=(
            *_joined([part.low for part in redacted], [page.text for page in pages]),
            *(read.low if read else ()),
        ),
        steps=read.steps if read else (),
        language=language_told(joined(media), profile),
    )


def _with(text: str, read: Read | None, page: int | None) -> str:
    """A page's own text, then what stands in its pictures."""
    written = read.of(page) if read else ""
    return PAGE_BREAK.join(part for part in (text, written) if part)


def joined(media: Normalised) -> str:
    """All pages' text as one, not redacted."""
    return segmentation.join_pages(
        [segmentation.Page(page.number, page.text) for page in media.pages]
    )


def chunks(pages: Sequence[segmentation.Page]) -> tuple[SegmentPlan, ...]:
    """The segments of redacted pages."""
    return tuple(
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


def _joined(findings: Sequence[tuple[Finding, ...]], texts: Sequence[str]) -> tuple[Finding, ...]:
    """Findings of pages with offsets of the pages' texts joined."""
    return tuple(
        replace(finding, start=finding.start + offset, end=finding.end + offset)
        for offset, found in zip(_offsets(texts), findings, strict=True)
        for finding in found
    )


def _offsets(texts: Sequence[str]) -> Iterator[int]:
    offset = 0
    for text in texts:
        yield offset
        offset += len(text) + len(segmentation.PAGE_SEPARATOR)


def _in_source(
    findings: tuple[Finding, ...], media: Normalised, source: int | bytes
) -> tuple[Finding, ...]:
    """Findings with offsets in the file as sent, where it is plain text; else as they are."""
    if media.source_type not in _PLAIN or len(media.pages) != 1:
        return findings
    data = source if isinstance(source, bytes) else os.pread(source, os.fstat(source).st_size, 0)
    original = offsets.original_text(data)
    placed = offsets.in_original(findings, tidied=media.pages[0].text, original=original)
    return findings if placed is None else placed
