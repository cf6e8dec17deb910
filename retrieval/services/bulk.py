"""Taking in whole folders on the server: what is there already costs a look, not an upload."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import structlog
from django.conf import settings

from accounts.models import User
from audit.crypto import DecryptionError, decrypt_small, encrypt_small
from audit.keystore import default_keystore
from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.models import Asset
from retrieval.services.ingest import asset_upload
from retrieval.services.linking import content_digest
from retrieval.states import State
from retrieval.uploads import upload_from

logger = structlog.get_logger("vitrine.import")

_PIECE_BYTES = 1024 * 1024
_SAVE_EVERY = 100


@dataclass(frozen=True)
class FileNotes:
    """What is known of one file beside its bytes."""

    title: str = ""
    source: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class Imported:
    """What an import did: ids by file, how many were new or known, and why others failed."""

    assets: dict[str, UUID] = field(default_factory=dict)
    created: int = 0
    known: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def files_below(folder: Path) -> list[Path]:
    """Every regular file below ``folder`` in order of path; hidden ones and links are left out."""
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                found.append(path)
    return found


def import_folder(
    *,
    collection_id: UUID,
    folder: Path,
    user: User | None = None,
    source: str = "",
    notes: Mapping[str, FileNotes] | None = None,
    files: list[Path] | None = None,
    on_file: Callable[[], object] = lambda: None,
) -> Imported:
    """Uploads what the collection does not hold yet of the files below ``folder``, or of ``files``.

    ``notes`` gives title, source and metadata by path relative to ``folder``; ``source`` counts
    where they name none. ``on_file`` is called after each file. Runs as ``user``, or as the
    appliance itself. Resumable: a file that was taken before and has not changed since is not even
    read.

    Raises:
        NotVisible, NotAllowed: the user may not upload there.
    """
    done = Imported()
    with Memory(collection_id) as memory:
        for path in files if files is not None else files_below(folder):
            relative = path.relative_to(folder).as_posix()
            note = (notes or {}).get(relative, FileNotes())
            try:
                _take(collection_id, user, path, relative, note, source, memory, done)
            except (OSError, RetrievalError) as error:
                if isinstance(error, RetrievalError) and error.status in {403, 404}:
                    raise
                detail = error.detail if isinstance(error, RetrievalError) else "It cannot be read."
                done.refused[relative] = detail
            on_file()
    logger.info(
        "folder_imported",
        collection_id=str(collection_id),
        created=done.created,
        known=done.known,
        refused=len(done.refused),
    )
    return done


def _take(
    collection_id: UUID,
    user: User | None,
    path: Path,
    relative: str,
    note: FileNotes,
    source: str,
    memory: Memory,
    done: Imported,
) -> None:
    look = memory.look(path)
    asset_id = memory.recall(look)
    if asset_id is None:
        asset_id = _held(collection_id, path)
    if asset_id is not None:
        done.known += 1
    else:
        asset, created = asset_upload(
            user=user,
            collection_id=collection_id,
            upload=upload_from(_pieces(path), name=path.name),
            title=note.title,
            source=note.source or source,
            metadata=note.metadata,
            component="import",
        )
        asset_id = asset.pk
        done.created += created
        done.known += not created
    done.assets[relative] = asset_id
    memory.remember(look, asset_id)


def _held(collection_id: UUID, path: Path) -> UUID | None:
    """The asset that holds the same bytes; reading twice is cheaper than encrypting in vain."""
    sha256 = hashlib.sha256()
    for piece in _pieces(path):
        sha256.update(piece)
    digest = content_digest(collection_id=collection_id, sha256=sha256.digest())
    with scope.system():
        found = Asset.objects.filter(collection_id=collection_id, digest=digest)
        return found.values_list("id", flat=True).first()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


class Memory:
    """Which files of this machine a collection has taken, so that they are not read again.

    A file is known by a hash of path, size and time of change. Encrypted under the collection's
    key: even the hashes of paths are nobody else's business.
    """

    def __init__(self, collection_id: UUID) -> None:
        self._collection = str(collection_id)
        self._path = settings.PATHS.data / "import" / f"{collection_id}.seen"
        self._seen: dict[str, str] = {}
        self._unsaved = 0

    def __enter__(self) -> Self:
        try:
            sealed = self._path.read_bytes()
            plain = decrypt_small(self._key(), sealed, purpose="import", object_id=self._collection)
            self._seen = json.loads(plain)
        except (FileNotFoundError, DecryptionError):
            self._seen = {}  # it only saves time
        self._forget_deleted()
        return self

    def __exit__(self, *_: object) -> None:
        self.save()

    def look(self, path: Path) -> str:
        """What the file is known by."""
        stat = path.stat()
        told = f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}"
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()

    def recall(self, look: str) -> UUID | None:
        """The asset that was made of it, if it is still there."""
        known = self._seen.get(look)
        return UUID(known) if known else None

    def remember(self, look: str, asset_id: UUID) -> None:
        """Keeps it, and writes everything down now and then."""
        if self._seen.get(look) == str(asset_id):
            return
        self._seen[look] = str(asset_id)
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Writes everything down, replacing what was there."""
        if not self._unsaved:
            return
        plain = json.dumps(self._seen).encode()
        sealed = encrypt_small(self._key(), plain, purpose="import", object_id=self._collection)
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_bytes(sealed)
        new.replace(self._path)
        self._unsaved = 0

    def _forget_deleted(self) -> None:
        """A file whose asset was deleted is taken again."""
        ids = list(self._seen.values())
        with scope.system():
            rows = Asset.objects.filter(collection_id=self._collection).exclude(state=State.ERASED)
            living = {str(pk) for pk in rows.filter(id__in=ids).values_list("id", flat=True)}
        self._seen = {look: asset for look, asset in self._seen.items() if asset in living}

    def _key(self) -> bytes:
        return default_keystore().get_or_create("collection", self._collection)
