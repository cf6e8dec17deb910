"""A bundle's files copied from a folder or a tar file to where the appliance can look at them.

Whoever brings a bundle may still be writing to it, so everything that is decided is decided about
the copy.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import path_check

_MOST_FILES = 1002  # those of a manifest, the manifest and its signature
_MOST_BYTES = 1 << 40
_UNLISTED = frozenset({"manifest.json", "manifest.sig"})
_SPARE_BYTES = 256 * 1024 * 1024


def stage(source: Path, target: Path) -> None:
    """Copies a bundle, a folder or an uncompressed tar of one, into the new folder ``target``.

    Nothing but plain files of permitted kinds, and no name that would lie elsewhere. The copies are
    readable by their owner alone.

    Raises:
        BundleError: something else is there, or the disk is too small.
    """
    if source.is_dir():
        files = _folder_files(source)
        _room_check(target, sum(size for _, size in files.values()))
        for name, (path, _) in files.items():
            with _opened(path) as data:
                _write(data, target / name)
    elif source.is_file():
        _unpack(source, target)
    else:
        raise BundleError("no-bundle", "There is no such folder or file.")


def _folder_files(folder: Path) -> dict[str, tuple[Path, int]]:
    """Path and size by name in the bundle."""
    found: dict[str, tuple[Path, int]] = {}
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = Path(entry.path)
                if entry.is_symlink():
                    raise BundleError("link", "The bundle holds a link.")
                if entry.is_dir():
                    waiting.append(path)
                    continue
                if not entry.is_file():
                    raise BundleError("bad-kind", "The bundle holds something that is no file.")
                name = path.relative_to(folder).as_posix()
                _name_check(name, len(found))
                found[name] = (path, entry.stat().st_size)
    return found


def _opened(path: Path) -> IO[bytes]:
    """The file itself: were it replaced by a link or a pipe meanwhile, neither is followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise BundleError("bad-kind", "The bundle holds something that is no file.")
    return file


def _unpack(source: Path, target: Path) -> None:
    _room_check(target, source.stat().st_size)
    try:
        with tarfile.open(source, mode="r:") as archive:
            members = list(_members(archive))
            root = _root(members)
            for name, member in members:
                data = archive.extractfile(member)
                if data is None:  # only links and folders have none
                    raise BundleError("bad-tar", "The tar file holds something that is no file.")
                with data:
                    _write(data, target / name.removeprefix(root))
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BundleError(
            "bad-tar", "The file is no uncompressed tar, or it is cut short."
        ) from error


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Name and member of every file of the archive."""
    seen: set[str] = set()
    for member in archive:
        parts = PurePosixPath(member.name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
            raise BundleError("bad-path", "A file of the tar would lie outside the bundle.")
        if member.issym() or member.islnk():
            raise BundleError("link", "The tar file holds a link.")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise BundleError("bad-tar", "The tar file holds something that is no file.")
        name = str(parts)
        if name in seen:
            raise BundleError("bad-tar", "The tar file holds a name twice.")
        seen.add(name)
        if len(seen) > _MOST_FILES:
            raise BundleError("too-many", "The bundle holds too many files.")
        yield name, member


def _root(members: list[tuple[str, tarfile.TarInfo]]) -> str:
    """What stands before every name: nothing, or the one folder that was packed."""
    names = [name for name, _ in members]
    root = ""
    if "manifest.json" not in names:
        heads = {name.partition("/")[0] for name in names}
        if len(heads) != 1 or f"{min(heads)}/manifest.json" not in names:
            raise BundleError("no-manifest", "There is no manifest.json in the tar file.")
        root = f"{min(heads)}/"
    for count, name in enumerate(names):
        _name_check(name.removeprefix(root), count)
    return root


def _name_check(name: str, count: int) -> None:
    if count >= _MOST_FILES:
        raise BundleError("too-many", "The bundle holds too many files.")
    if name not in _UNLISTED:
        path_check(name)


def _room_check(target: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise BundleError("too-large", "The bundle is larger than any model.")
    free = shutil.disk_usage(target).free
    if size + _SPARE_BYTES > free:
        missing = (size + _SPARE_BYTES - free) // (1 << 20) + 1
        raise BundleError("no-room", f"The disk lacks {missing} MB for the bundle.")


def _write(data: IO[bytes], path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(data, file, 1 << 20)
        file.flush()
        os.fsync(descriptor)
