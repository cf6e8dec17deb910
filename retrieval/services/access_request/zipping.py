"""A zip that is sent while it is made: nothing is kept, and memory does not grow with it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_STORED = ("image/", "audio/", "video/")  # compressed already
_PRIVATE = 0o600 << 16


@dataclass
class Packed:
    """A file as it went in: its place, SHA-256 in hexadecimal, and size."""

    path: str
    sha256: str = ""
    size_bytes: int = 0


class _Sink(io.RawIOBase):
    """Takes what the zip writes, until somebody fetches it."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        some = bytes(data)  # type: ignore[call-overload] # whatever has a buffer
        self._waiting.append(some)
        return len(some)

    def taken(self) -> bytes:
        """What was written since the last time."""
        some, self._waiting = b"".join(self._waiting), []
        return some


class StreamedZip:
    """Files are added one after another; each call yields bytes of the archive to send on."""

    def __init__(self, at: datetime) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", allowZip64=True)
        self._at = at.astimezone(UTC).timetuple()[:6]

    def add(
        self, packed: Packed, content: Iterable[bytes], *, media_type: str = ""
    ) -> Iterator[bytes]:
        """Adds a file and fills in what ``packed`` says of it.

        What ``content`` raises goes through: the archive is then cut short and opens nowhere.
        """
        info = zipfile.ZipInfo(packed.path, self._at)
        stored = media_type.startswith(_STORED)
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = _PRIVATE
        digest = hashlib.sha256()
        with self._zip.open(info, "w", force_zip64=True) as entry:
            for piece in content:
                digest.update(piece)
                packed.size_bytes += len(piece)
                entry.write(piece)
                if some := self._sink.taken():
                    yield some
        packed.sha256 = digest.hexdigest()
        yield self._sink.taken()

    def end(self) -> Iterator[bytes]:
        """The archive's own index; nothing can be added afterwards."""
        self._zip.close()
        yield self._sink.taken()
