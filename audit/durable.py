"""Small files that are there whole or not at all, and stay after a power cut."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

_PIECE_BYTES: Final = 1024 * 1024


def read_bytes(path: Path) -> bytes:
    """The file's content.

    Raises:
        OSError: missing or unreadable.
    """
    return path.read_bytes()


def sync_directory(directory: Path) -> None:
    """Makes names created in or removed from ``directory`` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(directory: Path) -> None:
    """Creates ``directory`` and what is missing above it, each 0700 and durable."""
    if directory.is_dir():
        return
    make_private_directory(directory.parent)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    sync_directory(directory.parent)


def write_once(path: Path, content: bytes) -> bool:
    """Whether this call created ``path`` (0600); False where it existed, which is left as it was.

    The content is written and synced under a name of its own first and then linked, so that of two
    processes one wins and nobody ever reads half a file.
    """
    if path.exists():
        return False
    make_private_directory(path.parent)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    finally:
        temporary.unlink()
    sync_directory(path.parent)
    return True


def overwrite_and_remove(path: Path) -> None:
    """Puts random bytes over the file in place, syncs, and removes its name. No error if absent.

    On a copy-on-write file system or flash the old blocks may outlive this; what they hold is
    useless without the master key, which is why keys are stored wrapped.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        left = os.fstat(descriptor).st_size
        while left:
            left -= os.write(descriptor, os.urandom(min(left, _PIECE_BYTES)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink(missing_ok=True)
    sync_directory(path.parent)
