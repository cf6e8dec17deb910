"""Copies a living folder: every file whole as it was at one moment, unchanged ones not again.

The copies are never hard links to the living files: those are overwritten in place when they are
destroyed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deploy.backup.manifest import Stored

_PIECE_BYTES = 1 << 20
_TRIES = 3


def files_below(folder: Path, *, left_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of regular files below ``folder``, relative to it, without ``left_out`` at its top."""
    for entry in _scanned(folder):
        if entry.name in left_out or entry.is_symlink():
            continue
        if entry.is_dir():
            below = files_below(Path(entry.path))
            yield from (f"{entry.name}/{name}" for name in below)
        elif entry.is_file():
            yield entry.name


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def copied(
    source: Path,
    target: Path,
    name: str,
    *,
    before: Mapping[str, Stored],
    before_folder: Path | None,
    told: Callable[[int], None],
) -> Stored | None:
    """What was stored of ``source/name`` in ``target/name``; None where it is gone meanwhile.

    ``before`` is the list of an earlier backup in ``before_folder``: what has the same size and
    moment there gets another name and is not read. ``told`` hears how many bytes went by.
    """
    place = target / name
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(_TRIES):
        try:
            status = (source / name).lstat()
        except FileNotFoundError:
            return None
        known = before.get(name)
        same = known is not None and (known.size, known.mtime_ns) == _stamp(status)
        if known and same and before_folder and _linked(before_folder / name, place):
            told(known.size)
            return known
        digest = _copy(source / name, place, told)
        try:
            after = (source / name).lstat()
        except FileNotFoundError:
            place.unlink(missing_ok=True)
            return None
        if digest is not None and (_stamp(after), after.st_ino) == (_stamp(status), status.st_ino):
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
            return Stored(name, digest, status.st_size, status.st_mtime_ns)
    place.unlink(missing_ok=True)
    return None  # written to again and again: it is being destroyed or is not for keeps


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _linked(source: Path, place: Path) -> bool:
    try:
        os.link(source, place)
    except OSError:  # another file system, or one without links
        return False
    return True


def _copy(source: Path, place: Path, told: Callable[[int], None]) -> str | None:
    digest = hashlib.sha256()
    try:
        reading = source.open("rb")
    except FileNotFoundError:
        return None
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with reading, os.fdopen(descriptor, "wb") as writing:
        while piece := reading.read(_PIECE_BYTES):
            digest.update(piece)
            writing.write(piece)
            told(len(piece))
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
