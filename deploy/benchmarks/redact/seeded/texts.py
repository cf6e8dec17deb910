"""Texts with identifiers in what is read and in what is not: properties, comments, attributes."""

from __future__ import annotations

import io
import zlib

import docx
from docx.opc.constants import RELATIONSHIP_TYPE

from deploy.benchmarks.redact.seeded.seed import Seed

_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
    b"/Resources << /Font << /F1 5 0 R >> >> >>"
)
_STORY = (
    "The meeting about the new playground took place in the town hall. Several neighbours asked "
    "for more shade and a second bench, and the council promised an answer by the end of the month."
)


def plain(seed: Seed) -> bytes:
    """Text with a line for each identifier."""
    return f"{_STORY}\n\n{seed.lines('content')}\n\n{_STORY}\n".encode()


def markdown(seed: Seed) -> bytes:
    """Front matter, a comment, a link and a table."""
    link = seed.one("metadata")
    return (
        f"---\nauthor: {seed.one('metadata')[1]}\n---\n# Notes\n\n{_STORY}\n\n"
        f"<!-- {link[0]}: {link[1]} -->\n\n| what | value |\n|---|---|\n"
        + "".join(f"| {label} | {value} |\n" for label, value in seed.rest("content"))
    ).encode()


def html(seed: Seed) -> bytes:
    """Meta elements, comments, attributes, a script and a body."""
    meta, comment = seed.one("metadata"), seed.one("metadata")
    return (
        f"<!doctype html><html><head><title>Notes</title>"
        f'<meta name="author" content="{meta[1]}"></head><body>'
        f"<!-- {comment[0]} {comment[1]} --><p>{_STORY}</p>"
        f"<p>{seed.lines('content').replace(chr(10), '<br>')}</p></body></html>"
    ).encode()


def word(seed: Seed) -> bytes:
    """A .docx: properties, header, comment-like properties, table, link, body."""
    document = docx.Document()
    document.core_properties.author = seed.one("metadata")[1]
    document.core_properties.comments = seed.one("metadata")[1]
    document.sections[0].header.paragraphs[0].text = ": ".join(seed.one("content"))
    document.add_paragraph(_STORY)
    table = document.add_table(rows=0, cols=2)
    for label, value in seed.rest("content"):
        cells = table.add_row().cells
        cells[0].text, cells[1].text = label, value
    link = "https://example.org/?q=playground"
    document.part.relate_to(link, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def pdf(seed: Seed) -> bytes:
    """One page of text, its stream deflated, and a document information dictionary."""
    author, subject = seed.one("metadata")[1], seed.one("metadata")[1]
    lines = [_STORY[i : i + 80] for i in range(0, len(_STORY), 80)]
    lines += [f"{label}: {value}" for label, value in seed.rest("content")]
    shown = "\n".join(f"({_escaped(line)}) Tj T*" for line in lines)
    stream = zlib.compress(f"BT /F1 11 Tf 14 TL 50 780 Td\n{shown}\nET".encode("cp1252"))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE,
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< /Author ({_escaped(author)}) /Subject ({_escaped(subject)}) >>".encode("cp1252"),
    ]
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\n" % (len(objects) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


def _escaped(text: str) -> str:
    """``text`` within a PDF string (ISO 32000-1, 7.3.4.2)."""
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
