"""From a backup to an appliance that may be started, in two stages.

First, without the application: everything is checked, then keys, files and the database are put in
their places. Then the application brings the database up to date and applies what happened since
(``deploy.backup.apply``). Until all of it is done a mark in the data folder keeps deploy/up from
serving it; a restore that was cut short is simply run again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from audit.keystore import KeyStore
from audit.masterkey import MasterKeyError, MasterKeySource
from deploy.backup import keys as keys_part
from deploy.backup.check import Checked, data_check, keys_check
from deploy.backup.database import connected, dump_pieces, environment, feed, program
from deploy.backup.errors import BackupError
from deploy.backup.layout import DUMP, KEYS, TOMBSTONES, chosen, ids_in
from deploy.backup.make import Told
from deploy.backup.manifest import index_read, key_name, manifest_read
from deploy.backup.place import KEPT, emptied, external_login, held, marked, occupied
from deploy.backup.roles import database_ready, ledger_lent
from deploy.backup.tombs import lines_merge, tombs_merge
from deploy.embedded.__main__ import running
from deploy.embedded.files import write_private
from deploy.env import DatabaseLogin, parse_database_url
from deploy.paths import ROOT, Paths

_SPARE_BYTES = 256 << 20
_MEGA = 1_000_000
_RESTORE_OPTIONS = ("--exit-on-error", "--no-comments", "--no-password")


@dataclass(frozen=True)
class Wanted:
    """What the operator asked for; ``backup_id`` None is the newest. ``say`` shows a line."""

    folder: Path
    keys: Path
    source: MasterKeySource
    say: Callable[[str], None]
    backup_id: str | None = None
    tombstones: tuple[Path, ...] = field(default=())
    replace: bool = False


def restore(paths: Paths, wanted: Wanted) -> str:
    """The id of the backup that the data folder now holds, ready to be started.

    Raises:
        BackupError: refused, with everything as it was; or failed, and then deploy/up refuses until
            it is run again.
    """
    backup_id = chosen(wanted.folder, wanted.backup_id, what="backup")
    with held(paths):
        if occupied(paths) and not wanted.replace:
            raise BackupError(
                f"{paths.data} holds an appliance already: name an empty folder with VITRINE_DATA, "
                "or give --replace, which removes what is there."
            )
        _tombstone_files(wanted)
        with _keys(paths, wanted, backup_id) as (keystore, unpacked):
            wanted.say("reading the backup")
            checked = data_check(
                wanted.folder / backup_id, keystore, told=Told(wanted.say, "MB read")
            )
            key = keys_part.backup_key(keystore, key_name(backup_id))
            secrets = _secrets(wanted, keystore)
            _room_for(paths, checked)
            login = external_login(paths)
            if login is not None:
                _database_ready(login, checked, replace=wanted.replace)
            with marked(paths, backup_id):
                _put(paths, wanted, checked, login, key, unpacked, secrets)
    return backup_id


def _put(
    paths: Paths,
    wanted: Wanted,
    checked: Checked,
    login: DatabaseLogin | None,
    key: bytes,
    unpacked: Path | None,
    secrets: Mapping[str, bytes],
) -> None:
    """Everything in its place; from here on there is no way back."""
    source = wanted.folder / str(checked.manifest.body["id"])
    emptied(paths, own_database=login is None, keep_keys=unpacked is None)
    if unpacked is not None:
        shutil.rmtree(paths.keys)
        unpacked.rename(paths.keys)
    for name, content in secrets.items():
        if unpacked is not None or not name.startswith(f"{paths.secrets.name}/"):
            (paths.data / name).parent.mkdir(mode=0o700, exist_ok=True)
            write_private(paths.data / name, content)
    _tombstones(paths, wanted, source)
    wanted.say("copying the files")
    _files(paths, source, Told(wanted.say, "MB copied"))
    with _database(paths, login, checked) as (where, env):
        wanted.say("restoring the database")
        _database_restore(where, source / DUMP, key=key, backup_id=source.name)
        wanted.say("bringing the database up to date, and applying what happened since")
        _finish(paths, wanted, source.name, env)


@contextmanager
def _keys(paths: Paths, wanted: Wanted, backup_id: str) -> Iterator[tuple[KeyStore, Path | None]]:
    """A key store that opens the backup, and where it was unpacked.

    The living one, if this is the appliance that the backup was made of: it is newer than any copy.
    Otherwise the newest copy, without what is marked as destroyed here (an older restore of the
    same appliance, on a machine that stands by).
    """
    body = manifest_read(wanted.folder / backup_id).body
    living = _living(paths, wanted.source, str(body["key_store"]))
    if living is not None and key_name(backup_id) in living.ids("system"):
        yield living, None
        return
    newest = chosen(wanted.keys, None, what="copy of the keys")
    unpacked = paths.data / "keys.restoring"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        keys_part.keys_read(wanted.keys / newest / KEYS, unpacked)
        keystore = keys_part.keystore_open(unpacked, wanted.source)
        keys_check(wanted.keys / newest, keystore)
        for kind, key_id in keys_part.destroyed(paths.keys):
            keystore.destroy(kind, key_id)
        if keys_part.fingerprint(unpacked) != body["key_store"]:
            raise BackupError(
                f"The backup {backup_id} is another appliance's: its keys are not in {wanted.keys}."
            )
        yield keystore, unpacked
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _living(paths: Paths, source: MasterKeySource, wanted: str) -> KeyStore | None:
    try:
        if keys_part.fingerprint(paths.keys) != wanted:
            return None
        return KeyStore(paths.keys, source)
    except (BackupError, MasterKeyError):
        return None


def _secrets(wanted: Wanted, keystore: KeyStore) -> dict[str, bytes]:
    """Secrets and first log-ins of the newest copy; none where there is no copy."""
    ids = ids_in(wanted.keys)
    if not ids:
        return {}
    key = keys_part.backup_key(keystore, key_name(ids[-1]))
    return keys_part.secrets_read(wanted.keys / ids[-1], key=key, backup_id=ids[-1])


def _room_for(paths: Paths, checked: Checked) -> None:
    body = checked.manifest.body
    # A dump is compressed, and the database has indexes besides: measured, four times as much.
    wanted = int(body["files"]["bytes"]) + 4 * int(body["database"]["bytes"]) + _SPARE_BYTES
    free = shutil.disk_usage(paths.data).free
    if free < wanted:
        raise BackupError(
            f"{paths.data} has {free // _MEGA} MB free and about {wanted // _MEGA} MB are needed."
        )


def _tombstone_files(wanted: Wanted) -> None:
    for file in wanted.tombstones:
        if not file.is_file():
            raise BackupError(f"{file} is no file.")


def _tombstones(paths: Paths, wanted: Wanted, source: Path) -> None:
    """All that are known anywhere: here, in this backup, beside all backups, and as given."""
    for folder in (source, wanted.folder, wanted.keys):
        tombs_merge(folder / TOMBSTONES, paths.tombstones)
    for file in wanted.tombstones:
        lines_merge(file, paths.tombstones / _kind_of(file))


def _kind_of(file: Path) -> str:
    """Which of our files a given one continues."""
    from deploy.backup.tombs import ERASED, JOURNAL

    return JOURNAL if file.name == JOURNAL else ERASED


def _files(paths: Paths, source: Path, told: Callable[[int], None]) -> None:
    for file in index_read(source):
        if file.path.startswith(f"{TOMBSTONES}/"):
            continue  # merged
        place = paths.data / file.path
        if file.path.split("/", 1)[0] in KEPT and place.exists():
            continue  # what is here is newer, and a witness that nobody writes over
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source / file.path, place)
        place.chmod(0o600)
        os.utime(place, ns=(file.mtime_ns, file.mtime_ns))
        told(file.size)
    os.sync()


@contextmanager
def _database(
    paths: Paths, login: DatabaseLogin | None, checked: Checked
) -> Iterator[tuple[DatabaseLogin, dict[str, str]]]:
    """A database that runs and is empty, and the variables that lead to it."""
    env = {**os.environ, "VITRINE_DATA": str(paths.data)}
    for name in ("VITRINE_SECRET_KEY", "VITRINE_DB_APP_PASSWORD"):
        if not os.environ.get(f"{name}_FILE"):
            env.pop(name, None)  # drawn for this process alone where nothing was started yet
    if login is not None:
        yield login, env
        return
    with running(paths) as variables:
        own = parse_database_url(variables["DATABASE_URL"])
        _database_ready(own, checked, replace=False)
        yield own, {**env, **variables}


def _database_ready(login: DatabaseLogin, checked: Checked, *, replace: bool) -> None:
    with connected(login) as connection:
        database_ready(
            connection, owner=str(checked.manifest.body["database"]["owner"]), replace=replace
        )


def _database_restore(login: DatabaseLogin, dump: Path, *, key: bytes, backup_id: str) -> None:
    with connected(login) as connection:
        ledger_lent(connection, lent=True)
    process = subprocess.Popen(
        [program("pg_restore"), *_RESTORE_OPTIONS, f"--dbname={login.name}"],
        env=environment(login),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    feed(process, dump_pieces(dump, key=key, backup_id=backup_id))
    said = process.stderr.read() if process.stderr else b""
    if process.wait() != 0:
        # Its messages may quote rows: only the SQL state's first words are shown.
        lines = [line for line in said.decode(errors="replace").splitlines() if "error:" in line]
        reason = lines[0].partition("error:")[2].strip()[:160] if lines else "no reason given"
        raise BackupError(f"The database could not be restored ({reason}): run it again.")
    with connected(login) as connection:
        ledger_lent(connection, lent=False)
        connection.execute("ANALYZE")


def _finish(paths: Paths, wanted: Wanted, backup_id: str, env: Mapping[str, str]) -> None:
    """The second stage, in a process that reads the restored settings; its errors go to a log."""
    arguments = ["restore", str(wanted.folder), "--keys", str(wanted.keys), "--finish", backup_id]
    log = paths.log / "restore.log"
    with log.open("ab") as errors:
        log.chmod(0o600)
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stderr=errors,
            check=False,
        )
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = lines[-1].removeprefix("CommandError: ") if lines else "it said nothing"
        raise BackupError(f"What happened since could not be applied ({said}): see {log}.")
