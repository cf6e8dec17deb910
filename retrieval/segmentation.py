"""Cuts redacted text and sound into the segments that are embedded and found. Pure.

Text: chunks of at most 900 characters that end at sentences where they can and never run over a
page or a heading. Sound: windows of ten seconds, every five seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from semantic_text_splitter import TextSplitter

VERSION: Final = "1"

CHUNK_CHARACTERS: Final = 900
"""About 200 English word pieces: fits sentence encoders that read 256."""
WINDOW_MS: Final = 10_000
HOP_MS: Final = 5_000

PAGE_SEPARATOR: Final = "\n\n"

_HEADING: Final = re.compile(r"^#{1,6} +\S", re.MULTILINE)
_SLAB_CHARACTERS: Final = 16_000
"""The splitter's time grows with the square of what has no sentence ends: it gets slabs."""
_SLAB_TAIL: Final = 2_000
"""A slab may end this much earlier, at a better place."""
_ENDS: Final = ("\n\n", "\n", ". ", "! ", "? ", "\u3002", "; ", ", ", " ")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of redacted text; `number` counts from 1 and is None where there are no pages."""

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of text: ``join_pages(pages)[start:end] == text``, in characters."""

    ordinal: int
    text: str
    start: int
    end: int
    page: int | None


def join_pages(pages: Sequence[Page]) -> str:
    """The rendition: all pages' texts, an empty line between them."""
    return PAGE_SEPARATOR.join(page.text for page in pages)


def chunk_text(pages: Sequence[Page]) -> list[Chunk]:
    """The chunks of `pages` in order; none for text that is empty or white space.

    Every character that is not white space is in exactly one chunk. No chunk is longer than
    `CHUNK_CHARACTERS`, none crosses a page, and a heading begins a new one.
    """
    splitter = TextSplitter(CHUNK_CHARACTERS)
    chunks: list[Chunk] = []
    page_start = 0
    for page in pages:
        for section_start, section in _sections(page.text):
            for slab_start, slab in _slabs(section):
                base = page_start + section_start + slab_start
                for offset, text in splitter.chunk_indices(slab):
                    start = base + offset
                    chunks.append(Chunk(len(chunks), text, start, start + len(text), page.number))
        page_start += len(page.text) + len(PAGE_SEPARATOR)
    return chunks


def _sections(text: str) -> Iterator[tuple[int, str]]:
    """(offset, text) of what lies between headings; headings without a body stay with the next."""
    begin = body = 0
    for match in _HEADING.finditer(text):
        if text[body : match.start()].strip():
            yield begin, text[begin : match.start()]
            begin = match.start()
        line_end = text.find("\n", match.end())
        body = len(text) if line_end < 0 else line_end
    if text[begin:].strip():
        yield begin, text[begin:]


def _slabs(text: str) -> Iterator[tuple[int, str]]:
    """(offset, text) of pieces of bounded length, cut at the best place near their end."""
    at = 0
    while len(text) - at > _SLAB_CHARACTERS:
        low, high = at + _SLAB_CHARACTERS - _SLAB_TAIL, at + _SLAB_CHARACTERS
        cut = high
        for end in _ENDS:
            found = text.rfind(end, low, high)
            if found >= 0:
                cut = found + len(end)
                break
        yield at, text[at:cut]
        at = cut
    yield at, text[at:]


def audio_windows(duration_ms: int) -> list[tuple[int, int]]:
    """(start_ms, end_ms) of the windows of a sound; the last one ends with the sound.

    A sound no longer than a window is one window. None for a sound without length.
    """
    if duration_ms <= 0:
        return []
    if duration_ms <= WINDOW_MS:
        return [(0, duration_ms)]
    starts = list(range(0, duration_ms - WINDOW_MS + 1, HOP_MS))
    last = duration_ms - WINDOW_MS
    if starts[-1] != last:
        starts.append(last)
    return [(start, start + WINDOW_MS) for start in starts]
