"""The place that is restored into: locked against a running appliance, marked until it is done."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from audit.durable import overwrite_and_remove, sync_directory
from deploy.backup.errors import BackupError
from deploy.backup.make import FOLDERS
from deploy.embedded.files import make_data_folders, write_private
from deploy.embedded.place import remove_outside
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.redis import EmbeddedRedis
from deploy.embedded.urls import NOWHERE
from deploy.env import DatabaseLogin, parse_database_url
from deploy.paths import Paths
from deploy.supervisor.state import DataLock

# Kept through a replacement: what is newer than any backup, and what bears witness of the ledger.
KEPT = ("tombstones", "checkpoints")


def external_login(paths: Paths) -> DatabaseLogin | None:
    """The real server that DATABASE_URL names; None where the embedded one is meant."""
    url = os.environ.get("DATABASE_URL", NOWHERE)
    if url == NOWHERE or parse_database_url(url).host == str(paths.postgres_socket_dir):
        return None
    return parse_database_url(url)


@contextmanager
def held(paths: Paths) -> Iterator[None]:
    """The data folder is ours alone.

    Raises:
        BackupError: the appliance runs on it, or it cannot be made.
    """
    try:
        make_data_folders(paths)
    except (OSError, RuntimeError) as error:
        raise BackupError(f"The data folder cannot be used: {error}.") from None
    lock = DataLock(paths)
    if not lock.take():
        raise BackupError(f"The appliance is running on {paths.data}: stop it with deploy/down.")
    try:
        yield
    finally:
        lock.release()


def occupied(paths: Paths) -> bool:
    """Whether the data folder holds an appliance already, other than what a cut restore left."""
    if paths.restoring.exists():
        return False
    media = paths.media
    return (paths.postgres / "PG_VERSION").exists() or any(
        entry.is_dir() and any(Path(entry.path).iterdir()) for entry in os.scandir(media)
    )


@contextmanager
def marked(paths: Paths, backup_id: str) -> Iterator[None]:
    """While this lasts, and after it failed, deploy/up refuses to serve the data folder."""
    began = datetime.now(UTC).isoformat()
    write_private(paths.restoring, json.dumps({"backup": backup_id, "began": began}) + "\n")
    yield
    paths.restoring.unlink()
    sync_directory(paths.data)


def emptied(paths: Paths, *, own_database: bool, keep_keys: bool) -> None:
    """What an earlier appliance or a cut restore left is gone, tombstones and logs excepted.

    With ``keep_keys`` the key store and the secrets stay: they are this same appliance's, and newer
    than any copy.
    """
    EmbeddedRedis(paths).stop_detached()
    if own_database and paths.postgres.exists():
        EmbeddedPostgres(paths).stop_detached()
        shutil.rmtree(paths.postgres.resolve(), ignore_errors=True)
        if not paths.postgres.is_symlink():
            shutil.rmtree(paths.postgres, ignore_errors=True)
        remove_outside(paths)
    for name in FOLDERS:
        if name not in KEPT:
            shutil.rmtree(paths.data / name, ignore_errors=True)
    if not keep_keys:
        for file in sorted(paths.keys.rglob("*")):
            if file.is_file():
                overwrite_and_remove(file)
        shutil.rmtree(paths.keys, ignore_errors=True)
        shutil.rmtree(paths.secrets, ignore_errors=True)
    make_data_folders(paths)
