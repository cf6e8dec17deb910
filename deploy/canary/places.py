"""Every store of this appliance, and what lies outside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

import psycopg

from audit.canary.base import CannotLook, Controls, Look, Store
from deploy.canary.blobs import opened
from deploy.canary.cluster import ClusterFiles, WriteAheadLog, pgdata_of
from deploy.canary.dump import Dump
from deploy.canary.files import Folder
from deploy.canary.processes import Processes
from deploy.canary.queue import Queue, QueueFiles
from deploy.canary.scratch import Scratch
from deploy.canary.tables import Tables, Views, see_everything
from deploy.embedded.place import packaged_programs
from deploy.embedded.urls import DATABASE, database_url
from deploy.env import DatabaseLogin, parse_database_url
from deploy.login import connected
from deploy.paths import ROOT, Paths

OUT_OF_REACH = (
    "memory of running processes and swap; free blocks of the file system; backups and exports; "
    "browsers; whatever is drawn in a picture or said in a sound (that is for verification)"
)
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - searched, not written
_OURS_IN_SHARED_MEMORY = ("PostgreSQL.", "psm_", "pym", "sem.", "torch_", "vitrine")
_CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


class Absent:
    """A store that is not there; its reason is told."""

    permitted = False

    def __init__(self, name: str, reason: str) -> None:
        self.name, self._reason = name, reason

    def plant(self, controls: Controls) -> None:
        """Raises CannotLook, always."""
        raise CannotLook(self._reason)

    def search(self, look: Look) -> None:
        """Nothing."""

    def clean(self) -> None:
        """Nothing."""


def stores(
    paths: Paths, *, redis_url: str, stack: ExitStack, also: Sequence[Path] = ()
) -> list[Store]:
    """All of them, in the order in which they are searched; ``stack`` closes what they opened."""
    return [
        *_database(paths, stack),
        Queue(redis_url, own=str(paths.redis_socket) in unquote(redis_url)),
        *_folders(paths),
        Processes(paths.data),
        *opened(),
        *(Folder(f"{folder}, as asked for", folder) for folder in also),
    ]


def _database(paths: Paths, stack: ExitStack) -> Iterator[Store]:
    url = os.environ.get("DATABASE_URL", "")
    embedded = _superuser(paths) if _is_embedded(paths, url) else None
    login = embedded or parse_database_url(url)
    pgdata = pgdata_of(paths.postgres) if embedded else None
    try:
        connection = stack.enter_context(connected(login, application_name="vitrine canary"))
        other = stack.enter_context(connected(login, application_name="vitrine canary"))
    except psycopg.OperationalError:
        for name in ("database tables", "database views", "database dump"):
            yield Absent(name, "the database does not answer; only its files are searched")
        yield from _files(pgdata, None)
        return
    scratch = Scratch(connection)
    yield Tables(connection, scratch, notes=see_everything(connection))
    yield Views(connection, other, scratch)
    yield Dump(_pg_dump(), login, scratch)
    yield from _files(pgdata, scratch)


def _files(pgdata: Path | None, scratch: Scratch | None) -> Iterator[Store]:
    if pgdata is None:
        reason = "the database's files are not of this appliance, or not readable for this user"
        yield Absent("database files", reason)
        yield Absent("write-ahead log", reason)
        return
    yield ClusterFiles(pgdata, scratch)
    yield WriteAheadLog(pgdata, scratch)


def _is_embedded(paths: Paths, url: str) -> bool:
    """Whether the database is the one that runs in the data folder."""
    return bool(url) and parse_database_url(url).host == str(paths.postgres_socket_dir)


def _superuser(paths: Paths) -> DatabaseLogin:
    password = (paths.secrets / "postgres_superuser_password").read_text(encoding="ascii").strip()
    return parse_database_url(
        database_url(paths, password=password, user="postgres", database=DATABASE)
    )


def _pg_dump() -> Path | None:
    packaged = packaged_programs() / "bin" / "pg_dump"
    if packaged.exists():
        return packaged
    found = shutil.which("pg_dump")
    return Path(found) if found else None


def _folders(paths: Paths) -> Iterator[Folder]:
    """The data folder by its parts, then what lies outside of it."""
    inside = {"postgres"}
    known = [paths.log, paths.media, paths.keys, paths.secrets, paths.models]
    for folder in [paths.run, *known]:
        inside.add(folder.name)
        yield Folder(f"folder {folder.name}", folder, left_out=_is_socket_folder(paths))
    inside.add(paths.redis.name)
    yield QueueFiles(f"folder {paths.redis.name}", paths.redis)
    yield Folder("data folder, the rest", paths.data, left_out=lambda entry: entry.name in inside)
    yield Folder("shared memory", _SHARED_MEMORY, left_out=_not_ours, deep=False)
    yield from _core_dumps()


def _is_socket_folder(paths: Paths) -> Callable[[os.DirEntry[str]], bool]:
    # The database's socket lies there, for its own account alone.
    return lambda entry: entry.path == str(paths.postgres_socket_dir)


def _not_ours(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith((*_OURS_IN_SHARED_MEMORY, "canary-control-"))


def _core_dumps() -> Iterator[Folder]:
    """Where the kernel would write a crashed process's memory."""
    folders = {ROOT}
    try:
        pattern = _CORE_PATTERN.read_text(encoding="ascii").strip()
    except OSError:
        pattern = ""
    if pattern.startswith("/"):
        folders.add(Path(pattern).parent)
    folders |= {Path("/var/lib/systemd/coredump"), Path("/var/crash")}
    for folder in sorted(folders):
        if folder.is_dir() and os.access(folder, os.W_OK):
            name = f"core dumps in {folder}"
            yield Folder(name, folder, left_out=_no_core_dump, deep=False)


def _no_core_dump(entry: os.DirEntry[str]) -> bool:
    return not (entry.name.startswith(("core", "canary-control-")) or ".core" in entry.name)
