"""The encrypted blob store: files below ``media/``, named by asset id, never plaintext on a disk.

``incoming/`` holds uploads that are still arriving and renditions that are not published yet,
``raw/`` the original bytes and the description they came with, ``rendition/`` and ``thumbnail/``
what was redacted, ``review/`` and ``review-thumbnail/`` what a steward is shown of it. Original and
redacted lie under two keys, so that destroying the original's key destroys every copy of it and
leaves the rendition readable.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from audit.crypto import DecryptingReader, DecryptionError, StreamEncryptor
from audit.durable import overwrite_and_remove
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from retrieval.errors import RetrievalError, Unavailable


class Blob(StrEnum):
    """What a file holds. The value is part of the encryption: one kind cannot pass for another."""

    RAW = "raw"
    DESCRIPTION = "description"  # file name, title and metadata as they were given
    RENDITION = "rendition"
    THUMBNAIL = "thumbnail"
    # For stewards who may not see originals: what a second look still found is covered.
    REVIEW = "review"
    REVIEW_THUMBNAIL = "review-thumbnail"

    def key_id(self, asset_id: UUID) -> str:
        """Which of the asset's two keys it lies under."""
        return _raw_key(asset_id) if self in RAW_BLOBS else str(asset_id)


RAW_BLOBS = (Blob.RAW, Blob.DESCRIPTION)
REVIEW_BLOBS = (Blob.REVIEW, Blob.REVIEW_THUMBNAIL)
REDACTED_BLOBS = (Blob.RENDITION, Blob.THUMBNAIL, *REVIEW_BLOBS)
_KEY_KIND = "asset"
_FREE_BYTES_KEPT = 256 * 1024 * 1024  # so that the database beside it can go on


def _raw_key(asset_id: UUID) -> str:
    return f"{asset_id}.raw"


class BlobMissing(RetrievalError):
    """There is no such blob, or its key has been destroyed."""


class BlobDamaged(RetrievalError):
    """The blob does not authenticate: cut, altered or moved."""


def _folder(name: str) -> Path:
    folder: Path = settings.PATHS.media / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _place(kind: Blob, asset_id: UUID) -> Path:
    if kind is Blob.DESCRIPTION:
        return _folder("raw") / f"{asset_id}.description"
    return _folder(kind.value) / str(asset_id)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class BlobWriter:
    """One blob on its way in: encrypts what it is given into ``incoming/``.

    ``publish`` moves it to its place at once and for good; ``discard`` leaves nothing. Exactly one
    of them is due.

    Raises:
        Unavailable: the disk is full or cannot be written.
        BlobMissing: the asset's key has been destroyed.
    """

    def __init__(self, kind: Blob, asset_id: UUID) -> None:
        self.kind, self.asset_id = kind, asset_id
        self._path = _folder("incoming") / f"{asset_id}.{uuid4().hex}.{kind.value}"
        if shutil.disk_usage(self._path.parent).free < _FREE_BYTES_KEPT:
            raise Unavailable("The appliance's disk is full.")
        try:
            key = default_keystore().get_or_create(_KEY_KIND, kind.key_id(asset_id))
        except KeyDestroyed:
            raise BlobMissing(f"asset {asset_id} was destroyed") from None
        self._cipher = StreamEncryptor(key, purpose=kind.value, object_id=str(asset_id))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, data: bytes | memoryview) -> None:
        """Encrypts and appends ``data``."""
        self._append(self._cipher.update(data))

    def finish(self) -> None:
        """Ends the stream and puts it on the disk; nothing can be added afterwards."""
        self._append(self._cipher.finalize())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def publish(self) -> None:
        """Gives the finished blob its place, replacing what was there."""
        place = _place(self.kind, self.asset_id)
        self._path.replace(place)
        _sync_folder(place.parent)

    def discard(self) -> None:
        """Removes what was written, at any time and again; a published blob stays."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _append(self, sealed: bytes) -> None:
        try:
            self._file.write(sealed)
        except OSError:
            self.discard()
            raise Unavailable("The appliance's disk is full or cannot be written.") from None


def write_blob(kind: Blob, asset_id: UUID, data: bytes) -> BlobWriter:
    """A finished, unpublished blob of ``data``."""
    writer = BlobWriter(kind, asset_id)
    writer.write(data)
    writer.finish()
    return writer


class BlobReader(DecryptingReader):
    """``DecryptingReader`` that owns its file: closing it closes the file."""

    def __init__(self, path: Path, key: bytes, *, kind: Blob, asset_id: UUID) -> None:
        self._handle = path.open("rb")
        try:
            super().__init__(self._handle, key, purpose=kind.value, object_id=str(asset_id))
        except BaseException:
            self._handle.close()
            raise

    def close(self) -> None:
        """Closes the file as well. Idempotent."""
        self._handle.close()
        super().close()


def open_blob(kind: Blob, asset_id: UUID) -> BlobReader:
    """A seekable view of the plaintext, for the caller to close; ``size`` is its length in bytes.

    Raises:
        BlobMissing: never written, or destroyed.
        BlobDamaged: it does not authenticate.
    """
    try:
        key = default_keystore().get(_KEY_KIND, kind.key_id(asset_id))
        return BlobReader(_place(kind, asset_id), key, kind=kind, asset_id=asset_id)
    except (FileNotFoundError, KeyMissing, KeyDestroyed):
        raise BlobMissing(f"no {kind} of asset {asset_id}") from None
    except DecryptionError:
        raise BlobDamaged(f"the {kind} of asset {asset_id} does not authenticate") from None


def read_blob(kind: Blob, asset_id: UUID) -> bytes:
    """The whole plaintext. Raises as ``open_blob``."""
    with open_blob(kind, asset_id) as reader, _damage_named(kind, asset_id):
        return b"".join(reader.iter_range())


def iter_blob(kind: Blob, asset_id: UUID) -> Iterator[bytes]:
    """The plaintext in pieces of at most 64 KiB. Raises as ``open_blob``, at the first piece."""
    with open_blob(kind, asset_id) as reader, _damage_named(kind, asset_id):
        yield from reader.iter_range()


@contextmanager
def _damage_named(kind: Blob, asset_id: UUID) -> Iterator[None]:
    try:
        yield
    except DecryptionError:
        raise BlobDamaged(f"the {kind} of asset {asset_id} does not authenticate") from None


def has_blob(kind: Blob, asset_id: UUID) -> bool:
    """Whether the file is there; its key may be gone."""
    return _place(kind, asset_id).exists()


def destroy_raw(asset_id: UUID) -> None:
    """Destroys the original, its key first: even copies of the file say nothing. Idempotent."""
    default_keystore().destroy(_KEY_KIND, _raw_key(asset_id))
    _unlink(RAW_BLOBS, asset_id)


def destroy_all(asset_id: UUID) -> None:
    """Destroys the original, the rendition and the thumbnail with both keys. Idempotent."""
    destroy_raw(asset_id)
    destroy_redacted(asset_id)


def destroy_redacted(asset_id: UUID) -> None:
    """Destroys rendition, thumbnail and previews for good, their key first. Idempotent."""
    default_keystore().destroy(_KEY_KIND, str(asset_id))
    _unlink(REDACTED_BLOBS, asset_id)


def remove_redacted(asset_id: UUID) -> None:
    """Overwrites and removes rendition, thumbnail and previews; their key stays. Idempotent.

    For an asset that is redacted anew: what an earlier profile left is not to be found again.
    """
    for kind in REDACTED_BLOBS:
        overwrite_and_remove(_place(kind, asset_id))


def remove_thumbnail(asset_id: UUID) -> None:
    """Overwrites and removes the small pictures; their key is the rendition's. Idempotent."""
    for kind in (Blob.THUMBNAIL, Blob.REVIEW_THUMBNAIL):
        overwrite_and_remove(_place(kind, asset_id))


def remove_previews(asset_id: UUID) -> None:
    """Removes what stewards were shown of an asset, now that it is decided. Idempotent."""
    _unlink(REVIEW_BLOBS, asset_id)


def remove_blobs(kinds: tuple[Blob, ...], asset_id: UUID) -> None:
    """Removes files whose keys are destroyed. Idempotent."""
    _unlink(kinds, asset_id)


def _unlink(kinds: tuple[Blob, ...], asset_id: UUID) -> None:
    for kind in kinds:
        place = _place(kind, asset_id)
        try:
            place.unlink()
        except FileNotFoundError:
            continue
        _sync_folder(place.parent)


def stored_ids(kind: Blob, *, older_than_seconds: float = 0) -> Iterator[UUID]:
    """Ids of assets that have a blob of ``kind``, last written so long ago; in no order."""
    limit = time.time() - older_than_seconds
    suffix = _place(kind, UUID(int=0)).suffix
    for entry in os.scandir(_place(kind, UUID(int=0)).parent):
        asset_id = _id_in(entry.name)
        if asset_id and Path(entry.name).suffix == suffix and _written_before(entry, limit):
            yield asset_id


def remove_stale_incoming(*, older_than_seconds: float) -> set[UUID]:
    """Removes unfinished blobs not written to for so long; ids of the assets they were for."""
    limit = time.time() - older_than_seconds
    removed = set()
    for entry in os.scandir(_folder("incoming")):
        if _written_before(entry, limit):
            Path(entry.path).unlink(missing_ok=True)
            asset_id = _id_in(entry.name)
            if asset_id:
                removed.add(asset_id)
    return removed


def unfinished(asset_id: UUID) -> list[Path]:
    """What is being written of an asset, or was left half written."""
    return list(_folder("incoming").glob(f"{asset_id}.*"))


def unfinished_remove(asset_id: UUID) -> None:
    """Removes that; whoever still writes finds no file to publish."""
    for path in unfinished(asset_id):
        path.unlink(missing_ok=True)


def _written_before(entry: os.DirEntry[str], limit: float) -> bool:
    try:
        return entry.stat().st_mtime <= limit
    except FileNotFoundError:
        return False


def _id_in(name: str) -> UUID | None:
    try:
        return UUID(name.split(".", 1)[0])
    except ValueError:
        return None
