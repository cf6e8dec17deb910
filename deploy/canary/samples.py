"""What is planted where bytes lie as they were written: one control for each form."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib
from urllib.parse import quote

from audit.canary.base import Controls

_FILLER = b"a quiet afternoon by the river; "


def sample(controls: Controls, *, where: str = "") -> bytes:
    """A file's content in which every control is written in a form of its own."""

    def new(form: str) -> bytes:
        return controls.new(form, where=where).encode()

    parts = [
        new("plain"),
        new("plain").upper(),
        new("utf-16-le").decode().encode("utf-16-le"),
        new("utf-16-be").decode().encode("utf-16-be"),
        new("hex").hex().encode(),
        quote_all(new("percent")),
        "".join(f"\\u{ord(c):04X}" for c in new("json").decode()).encode(),
        *(base64.b64encode(_FILLER[:n] + new("base64")) for n in range(3)),
        base64.encodebytes(_FILLER * 8 + new("base64") + _FILLER),
        gzip.compress(_FILLER + new("gzip")),
        zlib.compress(_FILLER + new("zlib")),
        bz2.compress(_FILLER + new("bzip2")),
        lzma.compress(_FILLER + new("xz")),
        zipped(_FILLER + new("zip")),
        base64.b64encode(gzip.compress(_FILLER * 4 + new("gzip"), mtime=0)),
    ]
    return b"\n".join(part + b"\n" + _FILLER for part in parts)


def quote_all(raw: bytes) -> bytes:
    """Percent-encoding of every byte (RFC 3986, 2.1), as some clients send it."""
    return "".join(f"%{byte:02x}" for byte in raw).encode()


def zipped(content: bytes) -> bytes:
    """A zip archive of one deflated file, as .docx is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", content)
    return buffer.getvalue()


def message(body: str) -> bytes:
    """A queued task as Celery's Redis transport keeps it: JSON with the body in base64."""
    inner = base64.b64encode(json.dumps([[body], {}, {}]).encode()).decode()
    return json.dumps({"body": inner, "properties": {"body_encoding": "base64"}}).encode()


def escaped(text: str) -> str:
    """``text`` as a query string has it."""
    return quote(text, safe="")
