"""PDF: the text layer, page by page, what is noted and filled in, and pictures of writing."""

from __future__ import annotations

import ctypes
import mmap
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import pypdfium2 as pdfium
from PIL import Image
from pypdfium2 import raw

from workers.sandbox.child import Result
from workers.sandbox.decoders.plain import MILLION, answer, tidy
from workers.sandbox.reasons import Refusal

VERSION: Final = "1"

_MIN_CHARACTERS: Final = 8
"""Fewer visible characters than this in a whole document are page numbers or specks, no text."""
# PDFium marks a hyphen at a line's end with U+FFFE or U+0002.
_HYPHENATION: Final = re.compile(r"[\ufffe\x02]\s*\n?")
_ANNOTATED: Final = b"/Annots"
_SCALE: Final = 150 / 72
"""150 dots an inch: type of 10 points is 20 pixels high."""
_MIN_SIDE: Final = 32
_MAX_DEPTH: Final = 15
_MAX_NOTE: Final = 8_000
_VALUES: Final = (b"Contents", b"V")
"""What a comment says, and what is filled into a field (ISO 32000-2, 12.5.2 and 12.7.4)."""


def mapped(file: BinaryIO, size: int) -> mmap.mmap:
    """The file in memory, privately."""
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)


def open_document(data: mmap.mmap) -> pdfium.PdfDocument:
    """The document.

    Raises:
        Refusal: password-protected, truncated or damaged.
    """
    # PDFium wants an address: a private mapping gives one without a copy.
    array = (ctypes.c_ubyte * len(data)).from_buffer(data)
    try:
        return pdfium.PdfDocument(array)
    except pdfium.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise Refusal("password-protected") from None
        if data.rfind(b"%%EOF") < 0:
            raise Refusal("truncated") from None
        raise Refusal("damaged") from None


def _page_text(page: pdfium.PdfPage) -> str:
    text_page = page.get_textpage()
    text = text_page.get_text_bounded()
    text_page.close()
    return tidy(_HYPHENATION.sub("", text))


def _notes(page: pdfium.PdfPage) -> list[str]:
    """What comments say and what is filled into fields, each once."""
    found: dict[str, None] = {}
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        for key in _VALUES:
            found[tidy(_value(annotation, key))] = None
        raw.FPDFPage_CloseAnnot(annotation)
    return [text for text in found if text.strip()]


def _value(annotation: Any, key: bytes) -> str:
    """A text of an annotation's dictionary; empty where there is none."""
    length = raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not 2 < length <= 2 * _MAX_NOTE:  # noqa: PLR2004 - the two bytes of a final NUL
        return ""
    buffer = (ctypes.c_ushort * (length // 2))()
    raw.FPDFAnnot_GetStringValue(annotation, key, buffer, length)
    return bytes(buffer).decode("utf-16-le", errors="ignore").rstrip("\x00")


def _images(page: pdfium.PdfPage) -> Iterator[pdfium.PdfImage]:
    """Pictures on a page that are large enough to hold writing, also those under others."""
    for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=_MAX_DEPTH):
        width, height = item.get_px_size()
        if width >= 2 * _MIN_SIDE and height >= _MIN_SIDE // 2:
            yield item


def _is_scan(text: str) -> bool:
    return len(re.sub(r"\s", "", text)) < _MIN_CHARACTERS


def pictures(document: pdfium.PdfDocument, *, side: int) -> Iterator[tuple[int, Any]]:
    """Page number and pixels of every scanned page, and of every picture on the other pages."""
    for index in range(len(document)):
        try:
            page = document[index]
        except pdfium.PdfiumError:
            continue
        if _is_scan(_page_text(page)):
            if not any(True for _ in page.get_objects(max_depth=1)):
                continue
            scale = min(_SCALE, side / max(1.0, *page.get_size()))
            yield index + 1, page.render(scale=scale).to_pil().convert("RGB")
        else:
            for item in _images(page):
                yield index + 1, _drawn(item, side)
        page.close()


def _drawn(item: pdfium.PdfImage, side: int) -> Any:
    """A picture's pixels as they are stored; where that cannot be, one white pixel."""
    try:
        image = item.get_bitmap().to_pil().convert("RGB")
    except (pdfium.PdfiumError, ValueError, RuntimeError):
        return Image.new("RGB", (1, 1), "white")
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """The text of a PDF page by page, with notes and fields; which pages hold pictures to read.

    Pages without text are empty.
    """
    data = mapped(file, size)
    document = open_document(data)
    count = len(document)
    if count > arguments["max_pages"]:
        raise Refusal("too-many-pages", found=count, limit=arguments["max_pages"])
    texts: list[str] = []
    sheets: list[int] = []
    total = with_text = noted = 0
    for index in range(count):
        text, notes, pictured = _page(document, index)
        with_text += bool(text)
        noted += len(notes)
        sheets += [index + 1] * pictured
        texts.append("\n\n".join(part for part in (text, *notes) if part))
        total += len(texts[-1])
        if total > arguments["max_chars"]:
            raise Refusal("too-much-text", limit=arguments["max_chars"] // MILLION)
    if not sheets and sum(len(re.sub(r"\s", "", text)) for text in texts) < _MIN_CHARACTERS:
        raise Refusal("no-text-layer" if count else "damaged")
    metadata = []
    if any(document.get_metadata_dict().values()):
        metadata.append("document-properties")
    if document.count_attachments():
        metadata.append("attachments")
    if data.find(_ANNOTATED) >= 0:
        metadata.append("annotations")
    steps = [(f"extract text layer of {with_text} of {count} pages", "pdf")]
    if noted:
        steps.append((f"extract {noted} notes and fields", "pdf"))
    return answer(texts, arguments, numbered=True, metadata=metadata, steps=steps, sheets=sheets)


def _page(document: pdfium.PdfDocument, index: int) -> tuple[str, list[str], int]:
    """A page's text, notes, and number of pictures to be read."""
    try:
        page = document[index]
    except pdfium.PdfiumError:
        return "", [], 0
    try:
        text = _page_text(page)
        pictured = 1 if _is_scan(text) else sum(1 for _ in _images(page))
        if _is_scan(text) and not any(True for _ in page.get_objects(max_depth=1)):
            pictured = 0  # an empty page
        return text, _notes(page), pictured
    finally:
        page.close()


def warm_up() -> None:
    """Draws an empty page, which loads what drawing loads late."""
    document = pdfium.PdfDocument.new()
    page = document.new_page(64, 64)
    page.render(scale=1).to_pil()
    page.close()
    document.close()
