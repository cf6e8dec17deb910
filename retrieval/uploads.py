"""Uploads on their way in. Nothing here ever writes plaintext to a disk.

``MemoryUploadHandler`` (the default) holds a file in memory up to ``VITRINE_MAX_QUERY_BYTES``:
query files, previews. ``EncryptingUploadHandler`` encrypts into the blob store while the bytes
arrive, up to ``VITRINE_MAX_UPLOAD_BYTES``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

from retrieval import media
from retrieval.errors import Invalid, TooLarge

_CHUNK_BYTES = 1024 * 1024
_ROOM_FOR_FIELDS = 4 * 1024 * 1024  # boundaries and the other fields of the form


if TYPE_CHECKING:
    _UploadedFile = UploadedFile[Any]
else:
    _UploadedFile = UploadedFile  # takes a parameter in its stubs alone


class EncryptedUpload(_UploadedFile):
    """An upload that lies encrypted in ``incoming/``, under the key of the asset it may become.

    Whoever keeps it calls ``keep``; otherwise ``close`` (Django calls it at the end of the request)
    destroys it.
    """

    def __init__(
        self,
        *,
        writer: media.BlobWriter,
        sha256: bytes,
        size: int,
        name: str,
        content_type: str = "",
    ) -> None:
        super().__init__(file=None, name=name, content_type=content_type, size=size)
        self.asset_id: UUID = writer.asset_id
        self.sha256 = sha256
        self.size_bytes = size
        self._writer = writer
        self._kept = False

    def keep(self) -> None:
        """Gives the bytes their place as the asset's original."""
        self._writer.publish()
        self._kept = True

    def close(self) -> None:
        """Destroys what was not kept. Idempotent."""
        if not self._kept:
            self._writer.discard()
            media.destroy_raw(self.asset_id)
            self._kept = True

    @property
    def closed(self) -> bool:
        """Whether it has been kept or destroyed."""
        return self._kept


class UploadSink:
    """Encrypts one file's bytes as they arrive and counts them.

    Raises:
        TooLarge: at the first byte beyond ``limit_bytes``.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._writer = media.BlobWriter(media.Blob.RAW, uuid4())
        self._sha256 = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Takes the next piece."""
        self._size += len(data)
        if self._size > self._limit:
            self.close()
            raise too_large(self._limit)
        self._sha256.update(data)
        self._writer.write(data)

    def finish(self, *, name: str, content_type: str = "") -> EncryptedUpload:
        """The complete upload, on the disk."""
        self._writer.finish()
        return EncryptedUpload(
            writer=self._writer,
            sha256=self._sha256.digest(),
            size=self._size,
            name=name,
            content_type=content_type,
        )

    def close(self) -> None:
        """Leaves nothing of an unfinished upload."""
        self._writer.discard()
        media.destroy_raw(self._writer.asset_id)


def too_large(limit_bytes: int) -> TooLarge:
    """The refusal that names the limit."""
    return TooLarge(f"A file may have at most {limit_bytes // (1024 * 1024)} MB.")


class _LimitedHandler(FileUploadHandler):
    chunk_size = _CHUNK_BYTES
    limit_setting = ""

    @property
    def limit_bytes(self) -> int:
        """The most one file may have."""
        return int(getattr(settings, self.limit_setting))

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 - FileUploadHandler's signature
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        """Refuses what says itself that it is too large, before any of it is read."""
        if content_length > self.limit_bytes + _ROOM_FOR_FIELDS:
            raise too_large(self.limit_bytes)

    def upload_interrupted(self) -> None:
        """Refuses a body that ended before its last boundary."""
        raise Invalid("The upload broke off before its end.")


class MemoryUploadHandler(_LimitedHandler):
    """Keeps the file in memory; for what is never stored."""

    limit_setting = "VITRINE_MAX_QUERY_BYTES"

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begins in an empty buffer."""
        super().new_file(*args, **kwargs)
        self.file = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Takes the next piece, up to the limit."""
        if start + len(raw_data) > self.limit_bytes:
            raise too_large(self.limit_bytes)
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """The file in memory."""
        self.file.seek(0)
        return InMemoryUploadedFile(
            file=self.file,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
        )


class EncryptingUploadHandler(_LimitedHandler):
    """Encrypts each file into the blob store; gives the view an ``EncryptedUpload``.

    ``guard`` is called before the first byte is read and may raise.
    """

    limit_setting = "VITRINE_MAX_UPLOAD_BYTES"

    def __init__(self, request: HttpRequest, guard: Callable[[], object] | None = None) -> None:
        super().__init__(request)
        self._guard = guard
        self._open: UploadSink | None = None

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Asks the guard, too."""
        super().handle_raw_input(*args, **kwargs)
        if self._guard is not None:
            self._guard()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begins a blob in ``incoming/``."""
        super().new_file(*args, **kwargs)
        self._open = UploadSink(limit_bytes=self.limit_bytes)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Encrypts the next piece."""
        self._sink.write(raw_data)

    def file_complete(self, file_size: int) -> EncryptedUpload:
        """The upload, whole and on the disk."""
        upload = self._sink.finish(
            name=self.file_name or "file", content_type=self.content_type or ""
        )
        self._open = None
        return upload

    def upload_interrupted(self) -> None:
        """Leaves nothing of a body that broke off."""
        self._sink.close()
        super().upload_interrupted()

    @property
    def _sink(self) -> UploadSink:
        if self._open is None:
            raise RuntimeError("no file has begun")
        return self._open


def accept_encrypted(request: HttpRequest, guard: Callable[[], object] | None = None) -> None:
    """Lets ``request`` take files encrypted into the blob store instead of in memory.

    Call it before anything reads the body: with DRF in the view's ``initialize_request``, because
    CSRF checks of session logins read it. ``guard`` is called before the first byte is read; let it
    refuse whoever may not upload.
    """
    request.upload_handlers = [EncryptingUploadHandler(request, guard)]


def upload_from(pieces: Iterator[bytes], *, name: str) -> EncryptedUpload:
    """An upload from bytes on this machine, as ``manage.py import`` makes it.

    Raises:
        TooLarge: more than ``VITRINE_MAX_UPLOAD_BYTES``.
    """
    sink = UploadSink(limit_bytes=settings.VITRINE_MAX_UPLOAD_BYTES)
    try:
        for piece in pieces:
            sink.write(piece)
        return sink.finish(name=name)
    except BaseException:
        sink.close()
        raise
