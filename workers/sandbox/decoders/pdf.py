"""PDF: the text layer, page by page."""

from __future__ import annotations

import ctypes
import mmap
import re
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import pypdfium2 as pdfium
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


def _open(data: mmap.mmap) -> pdfium.PdfDocument:
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


def _page_text(document: pdfium.PdfDocument, index: int) -> str:
    try:
        page = document[index]
    except pdfium.PdfiumError:
        return ""
    try:
        text_page = page.get_textpage()
        text = text_page.get_text_bounded()
        text_page.close()
    finally:
        page.close()
    return tidy(_HYPHENATION.sub("", text))


def decode(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """The text layer of a PDF, one page a page; pages without text are empty."""
    data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
    document = _open(data)
    count = len(document)
    if count > arguments["max_pages"]:
        raise Refusal("too-many-pages", found=count, limit=arguments["max_pages"])
    texts, total = [], 0
    for index in range(count):
        texts.append(_page_text(document, index))
        total += len(texts[-1])
        if total > arguments["max_chars"]:
            raise Refusal("too-much-text", limit=arguments["max_chars"] // MILLION)
    if sum(len(re.sub(r"\s", "", text)) for text in texts) < _MIN_CHARACTERS:
        raise Refusal("no-text-layer" if count else "damaged")
    metadata = []
    if any(document.get_metadata_dict().values()):
        metadata.append("document-properties")
    if document.count_attachments():
        metadata.append("attachments")
    if data.find(_ANNOTATED) >= 0:
        metadata.append("annotations")
    with_text = sum(bool(text) for text in texts)
    steps = [(f"extract text layer of {with_text} of {count} pages", "pdf")]
    return answer(texts, arguments, numbered=True, metadata=metadata, steps=steps)
