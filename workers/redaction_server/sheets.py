"""Scanned pages, pictures in documents and pages of a TIFF: read, and their text redacted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from retrieval.redaction.types import StepRecord
from workers.sandbox.reasons import decode_error
from workers.sandbox.types import MAX_SHEETS, PageText

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.base import Finding, ImageRedactor, PlaceholderBook, Profile
    from workers.sandbox.types import Limits, Normalised, Sheet

TIFF: Final = "image/tiff"
# A scanned page takes some five seconds of two cores.
MAX_READ: Final = 60
_SECONDS: Final = 600.0
_QUERY_SECONDS: Final = 25.0
# Fewer letters on a page are specks.
_MIN_LETTERS: Final = 3
_DOCUMENT_LETTERS: Final = 20


class SheetSource(Protocol):
    """The part of the sandbox that is used here; all calls block."""

    def pictures(
        self,
        source: bytes | int,
        *,
        source_type: str,
        first: int,
        count: int,
        limits: Limits = ...,
    ) -> list[Sheet]:
        """Some of a document's pictures."""


@dataclass(slots=True)
class Read:
    """What stands in a document's pictures: redacted text by page (0: none), and its findings."""

    texts: dict[int, list[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    low: list[Finding] = field(default_factory=list)
    steps: tuple[StepRecord, ...] = ()

    @property
    def is_document(self) -> bool:
        """Whether there is enough writing to make a document of pictures."""
        letters = sum(char.isalnum() for texts in self.texts.values() for t in texts for char in t)
        return letters >= _DOCUMENT_LETTERS

    def of(self, page: int | None) -> str:
        """All that stands in one page's pictures."""
        return "\n\n".join(self.texts.get(page or 0, ()))


def as_document(media: Normalised) -> Normalised:
    """A picture of several pages as a document whose pages have no text of their own."""
    pages = tuple(PageText(number=number, text="") for number in media.sheets)
    return replace(media, modality="text", media_type="text/plain", rendition=b"", pages=pages)


@dataclass(frozen=True, slots=True)
class Sheets:
    """Reads the pictures of documents; safe to call from several threads."""

    source: SheetSource
    redactor: ImageRedactor

    def read(
        self,
        media: Normalised,
        source: int | bytes,
        *,
        profile: Profile,
        book: PlaceholderBook,
        limits: Limits,
        query: bool = False,
    ) -> Read:
        """The writing in the pictures of a document that was decoded as ``media``.

        The pictures themselves are not kept, so faces and codes are not looked for.

        Raises:
            DecodeError: too-many-pages-to-read, also where reading takes too long; picture-
                unreadable; from the sandbox.
            RedactionError: a picture could not be looked at.
        """
        count = len(media.sheets)
        if not count or profile.image.text == "keep":
            return Read()
        if count > MAX_READ:
            raise decode_error("too-many-pages-to-read", {"limit": MAX_READ})
        reading = replace(profile, image=replace(profile.image, faces="keep", codes="keep"))
        ends = time.monotonic() + (_QUERY_SECONDS if query else _SECONDS)
        read = Read()
        for sheet in self._sheets(media, source, count, limits):
            if time.monotonic() > ends:
                raise decode_error("too-many-pages-to-read", {"limit": MAX_READ})
            self._one(sheet, reading, book, read)
        step = f"read {count} pictures of pages"
        read.steps = (
            StepRecord(step=step, component=self.redactor.name, version=self.redactor.version),
        )
        return read

    def _sheets(
        self, media: Normalised, source: int | bytes, count: int, limits: Limits
    ) -> Iterator[Sheet]:
        for first in range(0, count, MAX_SHEETS):
            yield from self.source.pictures(
                source,
                source_type=media.source_type,
                first=first,
                count=min(MAX_SHEETS, count - first),
                limits=limits,
            )

    def _one(self, sheet: Sheet, profile: Profile, book: PlaceholderBook, read: Read) -> None:
        found = self.redactor.find(sheet.pixels, profile=profile, book=book)
        if found.unreadable:
            raise decode_error("picture-unreadable")
        if sum(map(str.isalnum, found.text)) >= _MIN_LETTERS:
            read.texts.setdefault(sheet.page, []).append(found.text)
        page = sheet.page or None
        written = [finding for finding in found.findings if finding.kind != "UNREADABLE"]
        read.findings += [replace(finding, page=page) for finding in written]
        read.low += [replace(finding, page=page) for finding in found.low]
