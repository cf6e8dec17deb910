"""The database's part of a backup: what pg_dump writes, encrypted on its way to the disk.

A logical dump, not a copy of the cluster's files: it works with the owner's ordinary login on the
embedded server (which writes no log that a base backup could use) and on a real one, it is one
moment's state, takes no lock that a search waits for, and holds no dead rows: what was erased
before the backup is not in it. Vectors are text in it, 2 KB for one of 384 numbers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg

from audit.crypto import DecryptingReader, DecryptionError, StreamEncryptor
from deploy.backup.errors import BackupError
from deploy.embedded.place import packaged_programs
from deploy.env import DatabaseLogin
from deploy.login import connected as login_connected

PURPOSE = "backup-database"
_PIECE_BYTES = 1 << 20
_NICE = 10  # searches go first
_OPTIONS = (
    "--format=custom", "--compress=gzip:1", "--no-password", "--no-comments",
    # Its own login: rows are read through the policies, which show all to the appliance itself.
    "--enable-row-security", "--lock-wait-timeout=60s",
    # Log-ins do not come back with a restore.
    "--exclude-table-data=public.django_session",
)  # fmt: skip
_BLIND_POLICIES = """
SELECT c.relname FROM pg_class c WHERE c.relforcerowsecurity AND c.relrowsecurity AND (
    EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive)
    OR NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r')
        AND pg_get_expr(p.polqual, p.polrelid) ~ 'vitrine_is_system|vitrine\\.system|^true$'))
"""


@dataclass(frozen=True)
class ServerFacts:
    """The version of the server, the login's name and how much there is to dump, in bytes."""

    version: str
    owner: str
    size_bytes: int
    migrations: dict[str, str]


def connected(login: DatabaseLogin) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of the owner.

    Raises:
        BackupError: the database does not answer.
    """
    try:
        return login_connected(login, application_name="vitrine backup")
    except psycopg.OperationalError:
        raise BackupError(
            "The database does not answer: start the appliance, or check DATABASE_URL."
        ) from None


_OF_THE_LEDGER = """
DO $$
DECLARE dumped record; reader name := session_user;
BEGIN
    FOR dumped IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c
        JOIN pg_roles r ON r.oid = c.relowner
        WHERE r.rolname = 'vitrine_ledger' AND c.relkind IN ('r', 'p', 'S')
        AND NOT has_table_privilege(session_user, c.oid, 'SELECT')
    LOOP
        EXECUTE format('GRANT SELECT ON %s %s TO %I',
            CASE dumped.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, dumped.name, reader);
    END LOOP;
END $$;
"""


# Shared partitions of vectors had no policy at all before backups read them one by one.
_UNREADABLE = """
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relispartition AND c.relrowsecurity AND c.relforcerowsecurity
AND pg_get_userbyid(c.relowner) = current_user
AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
"""
_READABLE = """
CREATE POLICY appliance ON {} FOR SELECT TO CURRENT_USER USING ((SELECT vitrine_is_system()))
"""


def _partitions_readable(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The owner may read the partitions that nobody is to ask directly, as a dump does it.

    Raises:
        BackupError: one is in use and could not be changed in time; nothing waits for longer.
    """
    for (name,) in connection.execute(_UNREADABLE).fetchall():
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '2s'")
                # As Postgres itself spelt the name.
                connection.execute(_READABLE.format(name).encode())
        except psycopg.errors.LockNotAvailable:
            raise BackupError(f"{name} is busy: try again.") from None


def _ledger_readable(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The owner may read the ledger's partitions one by one, as a dump does it."""
    with connection.transaction():
        connection.execute("SET LOCAL ROLE vitrine_ledger")
        connection.execute(_OF_THE_LEDGER)


def server_facts(login: DatabaseLogin) -> ServerFacts:
    """What the manifest says of the database.

    Raises:
        BackupError: it does not answer, or holds rows that the dump would not see.
    """
    with connected(login) as connection:
        _partitions_readable(connection)
        hidden = connection.execute(_BLIND_POLICIES).fetchall()
        if hidden and not _sees_all(connection):
            names = ", ".join(sorted({str(row[0]) for row in hidden}))
            raise BackupError(f"The rows of {names} cannot all be read by {login.user}.")
        _ledger_readable(connection)
        migrations = connection.execute(
            "SELECT app, max(name) FROM django_migrations GROUP BY app ORDER BY app"
        ).fetchall()
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return ServerFacts(
            version=str(connection.info.parameter_status("server_version")),
            owner=login.user,
            size_bytes=int(str(size[0])) if size else 0,
            migrations={str(app): str(name) for app, name in migrations},
        )


def _sees_all(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    row = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def program(name: str) -> str:
    """The path of a Postgres program: the one that came with the embedded server, else the PATH's.

    Raises:
        BackupError: there is none.
    """
    packaged = packaged_programs() / "bin" / name
    found = str(packaged) if packaged.exists() else shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is not installed: install the Postgres client programs.")
    return found


def environment(login: DatabaseLogin) -> dict[str, str]:
    """Variables that lead libpq to ``login``, which others cannot read as a command line."""
    named = {"HOST": login.host, "PORT": login.port, "USER": login.user, "DATABASE": login.name}
    env = {f"PG{name}": value for name, value in named.items() if value}
    return {
        "PATH": os.defpath,
        "PGPASSWORD": login.password,
        "PGOPTIONS": "-c vitrine.system=on",
        "PGAPPNAME": "vitrine backup",
        **env,
    }


def dump_write(
    login: DatabaseLogin, target: Path, *, key: bytes, backup_id: str, told: Callable[[int], None]
) -> tuple[str, int]:
    """Hash and size of the encrypted dump that was written to ``target``.

    Raises:
        BackupError: pg_dump could not do it; what it wrote is of no use.
        OSError: the disk is full or cannot be written.
    """
    cipher = StreamEncryptor(key, purpose=PURPOSE, object_id=backup_id)
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as said, target.open("xb") as writing:
        target.chmod(0o600)
        process = subprocess.Popen(
            [program("pg_dump"), *_OPTIONS],
            env=environment(login),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            preexec_fn=_step_back,  # noqa: PLW1509 - one system call in a process without threads
        )
        with _ended(process) as output:
            while piece := output.read(_PIECE_BYTES):
                size += _store(cipher.update(piece), writing, digest)
                told(len(piece))
        if process.returncode != 0:
            raise BackupError(f"The database could not be dumped: {_first_error(said)}.")
        size += _store(cipher.finalize(), writing, digest)
    return digest.hexdigest(), size


def _step_back() -> None:
    os.nice(_NICE)


def _store(sealed: bytes, file: IO[bytes], digest: hashlib._Hash) -> int:
    digest.update(sealed)
    return file.write(sealed)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[IO[bytes]]:
    """The program's output; whatever happens, it has ended afterwards."""
    assert process.stdout is not None  # noqa: S101 - asked for by the caller
    try:
        yield process.stdout
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        process.wait()


def _first_error(said: IO[bytes]) -> str:
    """pg_dump's own first words, which name tables and never rows."""
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if "error:" in line]
    return lines[0].partition("error:")[2].strip()[:200] if lines else "it gave no reason"


def dump_pieces(source: Path, *, key: bytes, backup_id: str) -> Iterator[bytes]:
    """The dump's plaintext, piece by piece.

    Raises:
        BackupError: it is damaged, or not this backup's.
    """
    try:
        with source.open("rb") as file:
            reader = DecryptingReader(file, key, purpose=PURPOSE, object_id=backup_id)
            while piece := reader.read(_PIECE_BYTES):
                yield piece
    except (DecryptionError, OSError):
        raise BackupError(f"The backup {backup_id} is damaged: its dump does not open.") from None


def dump_list(source: Path, *, key: bytes, backup_id: str) -> int:
    """How many parts the dump has, by pg_restore's reading of all of it; no server is asked.

    Raises:
        BackupError: damaged, or pg_restore cannot read it.
    """
    # A file, since a long list would fill a pipe that nobody reads before all is fed.
    with tempfile.TemporaryFile() as listing:
        process = subprocess.Popen(
            [program("pg_restore"), "--list"],
            env={"PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=listing,
            stderr=subprocess.DEVNULL,
        )
        feed(process, dump_pieces(source, key=key, backup_id=backup_id))
        process.wait()
        listing.seek(0)
        parts = sum(not line.startswith(b";") for line in listing)
    if process.returncode != 0 or not parts:
        raise BackupError(f"The backup {backup_id} is damaged: pg_restore cannot read its dump.")
    return parts


def feed(process: subprocess.Popen[bytes], pieces: Iterator[bytes]) -> None:
    """Writes ``pieces`` to a program until it wants no more; all are read in any case."""
    assert process.stdin is not None  # noqa: S101 - asked for by the caller
    wanted = True
    try:
        for piece in pieces:
            if wanted:
                try:
                    process.stdin.write(piece)
                except BrokenPipeError:
                    wanted = False
    except BaseException:
        process.kill()
        raise
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        if not wanted:
            process.wait()
