"""How a folder of backups is laid out.

Below the folder that the operator names every backup is a folder of its own, called by its moment
and a random word. It is written as ``.partial-<id>`` and gets its name once all of it is on the
disk, so what has a name is whole. Files that did not change are one file under several names (hard
links) where the file system can do that.

The copies of the keys lie the same way in a folder of their own, which belongs on another medium.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from audit.durable import make_private_directory, sync_directory
from deploy.backup.errors import BackupError

MANIFEST = "manifest.json"
INDEX = "files.tsv"
DUMP = "database.dump.sealed"
KEYS = "keys.tar"
SECRETS = "secrets.sealed"
TOMBSTONES = "tombstones"  # of all backups together: beside them, the newest there are
_PARTIAL = ".partial-"
_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")


def new_id(now: datetime) -> str:
    """A name that sorts by time: ``20261121T153000000000Z-1a2b3c4d``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"


def keys_beside(folder: Path) -> Path:
    """Where the copies of the keys lie if nobody says where: ``DIR-keys``."""
    return folder.with_name(f"{folder.name}-keys")


def ids_in(folder: Path) -> list[str]:
    """The whole backups (or copies of keys) in a folder, the oldest first."""
    if not folder.is_dir():
        return []
    found = [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    return sorted(
        name for name in found if _ID.fullmatch(name) and (folder / name / MANIFEST).is_file()
    )


def chosen(folder: Path, backup_id: str | None, *, what: str) -> str:
    """``backup_id`` if it is there, else the newest.

    Raises:
        BackupError: there is none, or not that one.
    """
    there = ids_in(folder)
    if not there:
        raise BackupError(f"There is no {what} in {folder}.")
    if backup_id is None:
        return there[-1]
    if backup_id not in there:
        raise BackupError(f"There is no {what} {backup_id} in {folder}; the newest is {there[-1]}.")
    return backup_id


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder is there, private, and nobody else writes backups into it.

    Raises:
        BackupError: another backup is being written, or the folder cannot be made or written.
    """
    try:
        make_private_directory(folder)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BackupError(f"{folder} cannot be written ({error.strerror}).") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is being written to {folder}.") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def partial(folder: Path, backup_id: str) -> Iterator[Path]:
    """A folder to write into, which gets its name at the end; after an exception it is gone.

    What a killed run left is removed first. Call it inside ``locked``.
    """
    for left in folder.glob(f"{_PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)
    working = folder / f"{_PARTIAL}{backup_id}"
    working.mkdir(mode=0o700)
    try:
        yield working
        os.sync()  # every file at once; thousands of single calls take minutes
        working.rename(folder / backup_id)
        sync_directory(folder)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise


def removed(folder: Path, backup_id: str) -> None:
    """Takes a backup away; its manifest first, so that nothing half removed looks whole."""
    (folder / backup_id / MANIFEST).unlink(missing_ok=True)
    sync_directory(folder / backup_id)
    shutil.rmtree(folder / backup_id)
