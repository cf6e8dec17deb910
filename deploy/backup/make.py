"""Making a backup while the appliance runs.

The order makes it consistent: first the database as of one moment, then the files. A file that a
row names was there before the row and is copied, unless it has been destroyed since: then its key
is not copied either and its tombstone is, which is copied last. Files that came later belong to no
row of the dump; retention removes such strays.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from audit import ledger
from audit.backups import BackupEntry, backup_note
from audit.keystore import default_keystore
from deploy.backup import keys as keys_part
from deploy.backup.copying import copied, files_below
from deploy.backup.database import ServerFacts, dump_write, server_facts
from deploy.backup.errors import BackupError
from deploy.backup.layout import DUMP, TOMBSTONES, ids_in, locked, new_id, partial
from deploy.backup.manifest import (
    DATA,
    FORMAT,
    KEYS,
    Manifest,
    Stored,
    index_read,
    index_write,
    key_name,
    manifest_read,
    manifest_write,
)
from deploy.backup.tombs import tombs_merge
from deploy.env import parse_database_url
from deploy.paths import Paths

# What lies in files, below the data folder. Logs, sockets, the queue and the cluster do not belong
# to a backup; keys, secrets and first log-ins go with the copy of the keys.
FOLDERS = ("media", "models", "checkpoints", "import", TOMBSTONES)
_LEFT_OUT = frozenset({"incoming"})
_SPARE_BYTES = 64 << 20
_TELL_SECONDS = 2.0
_MEGA = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What the operator asked for; ``say`` shows a line."""

    folder: Path
    keys: Path
    keep_days: int
    keep_keys_days: int
    say: Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A backup that was made: how many files, bytes written anew, and seconds by part."""

    entry: BackupEntry
    files: int
    linked: int
    written_bytes: int
    dump_bytes: int
    seconds: dict[str, float]


def backup_make(plan: Plan) -> Made:
    """A new backup in ``plan.folder`` and a copy of the keys in ``plan.keys``.

    Reads the whole database and every new file; writes the list of backups and the ledger.

    Raises:
        BackupError: it cannot be made; nothing of it is left.
    """
    paths: Paths = settings.PATHS
    now = datetime.now(UTC)
    entry = BackupEntry(
        id=new_id(now),
        made_at=now,
        until=now + timedelta(days=plan.keep_days),
        keys_until=now + timedelta(days=plan.keep_keys_days),
        place=str(plan.folder),
    )
    with locked(plan.folder), locked(plan.keys), _disk(), _key_of(entry.id) as key:
        facts = server_facts(parse_database_url(os.environ["DATABASE_URL"]))
        _room_for(plan.folder, facts)
        backup_note(entry)  # first: a receipt names one backup too many rather than one too few
        _tombstones_told()
        with partial(plan.folder, entry.id) as working:
            made = _data(plan, paths, entry, facts, working, key)
            # Inside: the backup gets its name only once a copy of its keys is whole.
            keys_write(plan, paths, entry, key)
        _tombstones_told()
        for folder in (plan.folder, plan.keys):
            tombs_merge(paths.tombstones, folder / TOMBSTONES)
    _record(entry)
    return made


def _data(
    plan: Plan, paths: Paths, entry: BackupEntry, facts: ServerFacts, working: Path, key: bytes
) -> Made:
    began = time.monotonic()
    plan.say("dumping the database")
    told = Told(plan.say, "MB dumped")
    login = parse_database_url(os.environ["DATABASE_URL"])
    dump_sha256, dump_bytes = dump_write(
        login, working / DUMP, key=key, backup_id=entry.id, told=told
    )
    dumped = time.monotonic()
    stored, linked = _files(plan, paths, working)
    seconds = {"database": dumped - began, "files": time.monotonic() - dumped}
    body = {
        **_head(entry, paths),
        "database": {
            "server": facts.version,
            "owner": facts.owner,
            "migrations": facts.migrations,
            "sha256": dump_sha256,
            "bytes": dump_bytes,
        },
        "files": {
            "count": len(stored),
            "bytes": sum(file.size for file in stored),
            "sha256": index_write(working, stored),
        },
    }
    manifest_write(working, body, key=key, purpose=DATA)
    anew = sum(file.size for file in stored) - linked[1]
    return Made(entry, len(stored), linked[0], anew + dump_bytes, dump_bytes, seconds)


def _head(entry: BackupEntry, paths: Paths) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": entry.id,
        "made_at": entry.made_at.isoformat(),
        "until": entry.until.isoformat(),
        "keys_until": entry.keys_until.isoformat(),
        "key_store": keys_part.fingerprint(paths.keys),
    }


def _files(plan: Plan, paths: Paths, working: Path) -> tuple[list[Stored], tuple[int, int]]:
    """What was stored, and of it what is shared with the backup before: files and bytes."""
    before_folder, before = _before(plan.folder)
    told = Told(plan.say, "MB of files")
    stored: list[Stored] = []
    for folder in FOLDERS:
        for name in files_below(paths.data / folder, left_out=_LEFT_OUT):
            one = copied(
                paths.data,
                working,
                f"{folder}/{name}",
                before=before,
                before_folder=before_folder,
                told=told,
            )
            if one is not None:
                stored.append(one)
    shared = [file for file in stored if before.get(file.path) == file]
    return stored, (len(shared), sum(file.size for file in shared))


def _before(folder: Path) -> tuple[Path | None, dict[str, Stored]]:
    """The newest whole backup and its files, to share what did not change."""
    for backup_id in reversed(ids_in(folder)):
        try:
            return folder / backup_id, {f.path: f for f in index_read(folder / backup_id)}
        except BackupError:
            continue
    return None, {}


def keys_write(plan: Plan, paths: Paths, entry: BackupEntry, key: bytes) -> None:
    """A copy of the keys as they are now."""
    plan.say("copying the keys")
    with partial(plan.keys, entry.id) as working:
        secrets = keys_part.secrets_write(paths, working, key=key, backup_id=entry.id)
        sha256, count = keys_part.keys_write(paths, working)
        body = {**_head(entry, paths), "sha256": sha256, "secrets": secrets, "keys": count}
        manifest_write(working, body, key=key, purpose=KEYS)


def _tombstones_told() -> None:
    """What was erased or decided until now stands in the files, whatever has not come to it yet."""
    from audit.tombstones import tombstones_file_all
    from retrieval.journal import journal_catch_up

    tombstones_file_all()
    journal_catch_up()


def _record(entry: BackupEntry) -> None:
    with transaction.atomic():
        ledger.record(
            event="backup:backup:create",
            actor=None,
            refs={"backup": entry.id},
            payload={"until": entry.until.isoformat(), "keys_until": entry.keys_until.isoformat()},
        )


@contextmanager
def _key_of(backup_id: str) -> Iterator[bytes]:
    """The new backup's key; destroyed again where there will be no such backup."""
    keys = default_keystore()
    try:
        yield keys.get_or_create("system", key_name(backup_id))
    except BaseException:
        from audit.backups import backup_forget

        keys.destroy("system", key_name(backup_id))
        backup_forget(backup_id)
        raise


@contextmanager
def _disk() -> Iterator[None]:
    """Failures of the disk, as one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise BackupError("The disk for the backup is full; nothing of it was left.") from None
        raise BackupError(
            f"The backup could not be written ({error.strerror}); nothing of it was left."
        ) from None


def _room_for(folder: Path, facts: ServerFacts) -> None:
    """Refuse at once what cannot fit: a dump is seldom larger than half the database."""
    free = shutil.disk_usage(folder).free
    wanted = facts.size_bytes // 2 + _SPARE_BYTES
    if free < wanted:
        raise BackupError(
            f"{folder} has {free // _MEGA} MB free and about {wanted // _MEGA} MB are needed."
        )


class Told:
    """Says how many megabytes went by, every two seconds."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        self._say, self._what, self._bytes = say, what, 0
        self._next = time.monotonic() + _TELL_SECONDS

    def __call__(self, count: int) -> None:
        """``count`` more bytes."""
        self._bytes += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TELL_SECONDS
            self._say(f"  {self._bytes // _MEGA} {self._what}")


def manifest_of(folder: Path, backup_id: str) -> Manifest:
    """The manifest of one backup, not checked yet."""
    return manifest_read(folder / backup_id)
