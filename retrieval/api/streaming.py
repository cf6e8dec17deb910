"""Content on its way out.

Decrypted piece by piece, in ranges if asked, harmless to a browser that opens it.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request

from retrieval.errors import RetrievalError
from retrieval.services.content import Content

# An asset opened as a page of its own runs nothing and loads nothing, whatever it is (CSP 3,
# sandbox).
SANDBOX = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"
# RFC 9110, 14.1.2: one range. Several at once are answered with the whole, which the RFC allows.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_ENDINGS = {
    "image/webp": ".webp",
    "audio/ogg": ".ogg",
    "text/plain": ".txt",
    "audio/flac": ".flac",
    "application/x-npy": ".npy",
}


class RangeNotSatisfiable(RetrievalError):
    """The range begins beyond the end."""

    status = 416

    def __init__(self, size: int) -> None:
        """``size`` in bytes, which the answer tells."""
        super().__init__(f"There are {size} bytes.")
        self.headers = {"Content-Range": f"bytes */{size}"}


@dataclass(frozen=True)
class ByteRange:
    """Bytes ``start`` up to, not including, ``stop``."""

    start: int
    stop: int


def asked_range(request: Request, *, size: int) -> ByteRange | None:
    """The part of ``size`` bytes that the request asks for; None for all of it.

    A conditional range (If-Range) is answered with the whole: there is no validator to compare.

    Raises:
        RangeNotSatisfiable: it begins beyond the end.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or "If-Range" in request.headers:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= stop:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, stop)


def begins_later(request: Request) -> bool:
    """Whether the request continues what was begun before, as a player that seeks does."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    return match is not None and match.group(1) not in {"", "0"}


def content_response(
    request: Request, content: Content, *, asset_id: UUID, attachment: bool = False
) -> HttpResponseBase:
    """``content`` or the range of it that was asked for. Its stream is closed in any case."""
    try:
        part = asked_range(request, size=content.size)
    except RangeNotSatisfiable:
        content.stream.close()
        raise
    sent = part or ByteRange(0, content.size)
    response = _body(request, content, sent)
    response["Content-Type"] = content.media_type
    response["Content-Length"] = str(sent.stop - sent.start)
    response["Accept-Ranges"] = "bytes"
    if part is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{content.size}"
    safe(response, name=f"{asset_id}{ending(content.media_type)}", attachment=attachment)
    return response


def safe(response: HttpResponseBase, *, name: str, attachment: bool = False) -> None:
    """Headers that keep a browser from running, sniffing, keeping or sharing what is sent."""
    how = "attachment" if attachment else "inline"
    response["Content-Disposition"] = f'{how}; filename="{name}"'
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"


def ending(media_type: str) -> str:
    """A file name's ending for a media type, ``.bin`` where none is known."""
    plain = media_type.split(";", maxsplit=1)[0].strip().lower()
    return _ENDINGS.get(plain) or mimetypes.guess_extension(plain) or ".bin"


def _body(request: Request, content: Content, sent: ByteRange) -> HttpResponseBase:
    if request.method == "HEAD":
        content.stream.close()
        return HttpResponse()
    return StreamingHttpResponse(_pieces(content, sent))


def _pieces(content: Content, sent: ByteRange) -> Iterator[bytes]:
    with closing(content.stream) as stream:
        yield from stream.iter_range(sent.start, sent.stop)
