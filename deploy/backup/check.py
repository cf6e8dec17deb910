"""Whether a backup is whole and ours: every hash, both signatures, and the dump read to its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audit.keystore import KeyStore
from deploy.backup import keys as keys_part
from deploy.backup.copying import sha256_of
from deploy.backup.database import dump_list
from deploy.backup.errors import BackupError
from deploy.backup.layout import DUMP, KEYS, SECRETS
from deploy.backup.manifest import Manifest, index_read, key_name, manifest_read


@dataclass(frozen=True)
class Checked:
    """A backup that is whole."""

    manifest: Manifest
    files: int
    bytes: int


def data_check(
    folder: Path,
    keys: KeyStore,
    *,
    told: Callable[[int], None] = lambda _: None,
    seen: dict[tuple[int, int], str] | None = None,
) -> Checked:
    """Reads all of the backup in ``folder``; ``seen`` remembers hashes of files with many names.

    Raises:
        BackupError: damaged, altered or another appliance's; it says what.
    """
    manifest = manifest_read(folder)
    body = manifest.body
    backup_id = folder.name
    key = keys_part.backup_key(keys, key_name(backup_id))
    manifest.require(key)
    if body["id"] != backup_id:
        raise BackupError(f"The backup in {folder} is called {body['id']} in its manifest.")
    known = {} if seen is None else seen
    files = index_read(folder, sha256=body["files"]["sha256"])
    for file in files:
        if _hash(folder / file.path, known, told) != file.sha256:
            raise BackupError(f"The backup {backup_id} is damaged: {file.path} is not as written.")
    if _hash(folder / DUMP, {}, told) != body["database"]["sha256"]:
        raise BackupError(f"The backup {backup_id} is damaged: its dump is not as written.")
    dump_list(folder / DUMP, key=key, backup_id=backup_id)
    return Checked(
        manifest, len(files), int(body["files"]["bytes"]) + int(body["database"]["bytes"])
    )


def keys_check(folder: Path, keys: KeyStore) -> Manifest:
    """The manifest of a whole copy of keys in ``folder``.

    Raises:
        BackupError: damaged, altered or another appliance's.
    """
    manifest = manifest_read(folder)
    key = keys_part.backup_key(keys, key_name(folder.name))
    manifest.require(key)
    for name, member in ((KEYS, "sha256"), (SECRETS, "secrets")):
        if _hash(folder / name, {}, lambda _: None) != manifest.body[member]:
            raise BackupError(f"The copy of the keys in {folder} is damaged: {name}.")
    return manifest


def _hash(path: Path, known: dict[tuple[int, int], str], told: Callable[[int], None]) -> str:
    try:
        status = path.stat()
        place = (status.st_dev, status.st_ino)
        if place not in known:
            known[place] = sha256_of(path)
            told(status.st_size)
        return known[place]
    except OSError:
        return hashlib.sha256(b"").hexdigest() + "-missing"
