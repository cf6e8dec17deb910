"""Folders and secret files only their owner can read, never half written after a crash."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from deploy.paths import Paths

PASSABLE_MODE = 0o710  # a group may walk through but list nothing, see ``place``


class UnsafeFolderError(RuntimeError):
    """A folder that must be ours alone belongs to, or can be written by, somebody else."""


def private_folder(path: Path) -> Path:
    """``path``, made with mode 0700 where it does not exist yet.

    Raises:
        UnsafeFolderError: it is a link or belongs to another user (someone prepared it in /tmp).
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.geteuid():
        raise UnsafeFolderError(
            f"{path} belongs to another user or is a link: choose another --data folder"
        )
    if status.st_mode & 0o077 and not _shared_with_server(status.st_mode):
        path.chmod(0o700)
    return path


def _shared_with_server(mode: int) -> bool:
    """Whether ``mode`` is the one that lets the database server's own group pass."""
    return mode & 0o777 == PASSABLE_MODE


def make_data_folders(paths: Paths) -> None:
    """Every folder of ``paths`` exists and is private to this user."""
    private_folder(paths.data)
    for folder in (
        paths.run, paths.redis, paths.media, paths.keys, paths.secrets, paths.models, paths.log
    ):  # fmt: skip
        private_folder(folder)


def empty_temporary(paths: Paths) -> None:
    """The folder for temporary files is there, and nothing of an earlier start is in it."""
    shutil.rmtree(paths.temporary, ignore_errors=True)
    private_folder(paths.temporary)


def secret_file(path: Path, *, nbytes: int = 32) -> str:
    """The secret in ``path`` (0600), drawn and written first where there is none: url-safe text."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(nbytes))
        return path.read_text(encoding="ascii").strip()


def write_private(path: Path, content: str | bytes) -> None:
    """Replace ``path`` by ``content`` with mode 0600, in one step that survives a power cut."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
