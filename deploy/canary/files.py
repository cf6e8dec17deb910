"""Folders of files, by content and by name."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from audit.canary.base import CannotLook, Controls, Look
from deploy.canary.samples import sample

_READ_BYTES = 4 << 20
CONTROL = "canary-control-"  # how planted files are named, so that a later run can remove strays


def read(path: Path) -> Iterator[bytes]:
    """The file's bytes; nothing where it is no regular file.

    Raises:
        OSError: it cannot be read, or is gone.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            while piece := os.read(descriptor, _READ_BYTES):
                yield piece
    finally:
        os.close(descriptor)


def _standard_input() -> tuple[int, int] | None:
    """Device and inode of the file that the tokens come from, which is no leak."""
    try:
        status = os.fstat(sys.stdin.fileno())
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


class Folder:
    """Every file below ``root``, but for what ``left_out`` names; links are not followed."""

    permitted = False

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        left_out: Callable[[os.DirEntry[str]], bool] = lambda _: False,
        deep: bool = True,
    ) -> None:
        self.name, self.root = name, root
        self._left_out, self._deep = left_out, deep
        self._planted: list[Path] = []
        self._input = _standard_input()

    def plant(self, controls: Controls) -> None:
        """A file with a control in every form, and one whose name is the control."""
        if not self.root.is_dir():
            raise CannotLook("there is no such folder here")
        content = sample(controls)
        named = controls.new("plain", where="(names)")
        self.write(f"{CONTROL}{secrets.token_hex(4)}", content)
        self.write(f"{CONTROL}{named}", b"")

    def write(self, name: str, content: bytes) -> None:
        """Plants a file, removed by ``clean``."""
        path = self.root / name
        self._planted.append(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)

    def search(self, look: Look) -> None:
        """Names and contents, folder by folder."""
        self._folder(self.root, "", look)

    def clean(self) -> None:
        """The planted files are gone."""
        for path in self._planted:
            path.unlink(missing_ok=True)

    def _folder(self, folder: Path, shown: str, look: Look) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        except OSError as error:
            look.failed(f"{shown or '.'}: {error.strerror}")
            return
        entries = [entry for entry in entries if not self._left_out(entry)]
        told = look.through(f"{shown or '.'} (names)", _names(entries)).tokens
        for entry in entries:
            # A name that holds a token is told by its inode.
            name = f"#{entry.inode()}" if told else entry.name
            place = f"{shown}/{name}".lstrip("/")
            if entry.is_dir(follow_symlinks=False):
                if self._deep:
                    self._folder(Path(entry.path), place, look)
            elif entry.is_file(follow_symlinks=False):
                self._file(entry, place, look)

    def _file(self, entry: os.DirEntry[str], place: str, look: Look) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
            if (status.st_dev, status.st_ino) == self._input:
                look.note(f"{place} is where the tokens come from")
                return
            self.look_at(Path(entry.path), place, look)
        except FileNotFoundError:
            return
        except OSError as error:
            look.failed(f"{place}: {error.strerror}")

    def look_at(self, path: Path, place: str, look: Look) -> None:
        """Searches one file."""
        look.through(place, read(path))


def _names(entries: Iterable[os.DirEntry[str]]) -> list[bytes]:
    """Names of files and what links lead to, a line each."""
    lines = []
    for entry in entries:
        lines.append(os.fsencode(entry.name))
        if entry.is_symlink():
            try:
                lines.append(os.fsencode(Path(entry.path).readlink()))
            except OSError:
                continue
    return [b"\n".join(lines)]
