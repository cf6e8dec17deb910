"""Ridding the database's files of the bytes that deleted rows leave behind.

DELETE leaves a row where it was; VACUUM frees its place without wiping it; the planner's statistics
and the write-ahead log hold copies. Measured with canaries (``deploy/bench erasure``):

* ``VACUUM FULL`` writes a table and its indexes anew and rids both; nobody reads the table
  meanwhile, so it is for tables up to ``VITRINE_SCRUB_MOST_MB``.
* Where an approximate index would have to be built anew, and for larger tables of vectors: VACUUM,
  in which pgvector wipes what it removes from its index, and then rows that fill the free places
  up and are never committed. All rows of such a table have one size, so every place is covered.
* The statistics are collected anew and their own table is written anew.
* The log is checkpointed and switched until no segment from before is left; with ``wal_recycle``
  off (the embedded server) the old ones are removed, not renamed.

It takes the login of the database's owner, and for the log one that may checkpoint. What could not
be done is told, for the receipt.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import structlog
from django.conf import settings
from django.db import connection
from psycopg import sql

from retrieval.erasure_stores import Note
from retrieval.errors import Unavailable
from retrieval.services.scrubbing_log import log_rotate
from retrieval.vectors.ddl import owner_connection

logger = structlog.get_logger("vitrine.erasure")

_TRIES = 6
# A table that is waited for keeps new readers waiting too: better to try again.
_LOCK_TIMEOUT = "1s"
_PAUSE_SECONDS = 0.5
_SETTLE_SECONDS = 20.0
_FILL_ROWS = 200
_OLD = "an old transaction still sees what was erased"
# As VACUUM FULL and VACUUM say how many rows they had to leave (PostgreSQL 13 to 18).
_LEFT = re.compile(
    r"(\d+) (?:dead row versions cannot be removed yet|are dead but not yet removable)"
)
_STATISTICS = ("pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data")


@dataclass(frozen=True)
class TableScrubbed:
    """One table: ``how`` it was scrubbed, and for how long readers had to wait."""

    table: str
    how: str  # full, refilled, vacuumed
    locked_ms: int


@dataclass
class Scrubbed:
    """What was reached, and what was not and why."""

    tables: list[TableScrubbed] = field(default_factory=list)
    not_reached: list[Note] = field(default_factory=list)
    log: str = ""
    seconds: float = 0.0

    @property
    def locked_ms(self) -> int:
        """The longest that readers of one table had to wait."""
        return max((one.locked_ms for one in self.tables), default=0)


def scrub(tables: Iterable[str], *, whatever_size: bool = False) -> Scrubbed:
    """Scrubs these tables (leaves, not partitioned ones), the statistics and the log.

    ``whatever_size``: also large ones are written anew, however long that takes. Outside any
    transaction. Raises nothing that a receipt can say instead.
    """
    done = Scrubbed()
    most = 1 << 40 if whatever_size else settings.VITRINE_SCRUB_MOST_MB
    began = time.monotonic()
    try:
        with maintainer() as conn:
            if not _settled(conn):
                done.not_reached.append(_note("database rows", _OLD))
            for table in sorted(set(tables)):
                _table(conn, table, done, most_mb=most)
            for table in _STATISTICS:
                _full(conn, table, done, quiet=True)
            done.log = log_rotate(conn, done.not_reached)
    except (Unavailable, psycopg.Error) as error:
        logger.warning("scrub_failed", error=type(error).__name__)
        unknown = isinstance(error, Unavailable)
        why = "no login that owns the database is known" if unknown else "the database refused it"
        done.not_reached.append(_note("free space in the database's files", why))
    done.seconds = time.monotonic() - began
    return done


@contextmanager
def maintainer() -> Iterator[psycopg.Connection]:
    """The superuser of the embedded database, or the owner of another; each statement commits.

    Raises:
        Unavailable: neither login is known here.
    """
    url = os.environ.get("DATABASE_URL", "")
    secret = settings.PATHS.secrets / "postgres_superuser_password"
    own = str(settings.PATHS.postgres_socket_dir) == connection.settings_dict["HOST"]
    if own and secret.exists():
        login = psycopg.connect(
            url,
            user="postgres",
            password=secret.read_text(encoding="ascii").strip(),
            dbname=connection.settings_dict["NAME"],
            autocommit=True,
        )
        with login as conn:
            yield conn
        return
    with owner_connection(autocommit=True) as conn:
        yield conn


def _settled(conn: psycopg.Connection) -> bool:
    """Whether no transaction is left that began before now; VACUUM keeps what such a one sees."""
    row = conn.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
    now = row[0] if row else "0"
    until = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < until:
        older = conn.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
            "datname = current_database() AND "
            "greatest(age(backend_xmin), age(backend_xid)) > age(%s::xid))",
            [now],
        ).fetchone()
        if older is not None and not older[0]:
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def _table(conn: psycopg.Connection, table: str, done: Scrubbed, *, most_mb: int) -> None:
    row = conn.execute(
        "SELECT pg_total_relation_size(c.oid), EXISTS (SELECT FROM pg_index i "
        "JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam "
        "WHERE i.indrelid = c.oid AND a.amname = 'hnsw'), EXISTS (SELECT FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attname = 'vec') "
        "FROM pg_class c WHERE c.oid = to_regclass(%s)",
        [table],
    ).fetchone()
    if row is None:  # dropped meanwhile, with its file
        return
    size, indexed, vectors = row
    large = size > most_mb << 20
    if vectors and (indexed or large):
        _refilled(conn, table, done)
    elif large:
        _vacuum(conn, table, done)
        done.tables.append(TableScrubbed(table, "vacuumed", 0))
        done.not_reached.append(
            _note(
                f"free space in the pages of {table}",
                "too large to be written anew while it is read: see manage.py scrub",
            )
        )
    else:
        _full(conn, table, done)


def _full(conn: psycopg.Connection, table: str, done: Scrubbed, *, quiet: bool = False) -> None:
    """Writes a table anew. ``quiet``: not among the tables that are told of."""
    name = sql.SQL(".").join(map(sql.Identifier, table.split(".")))
    statement = sql.SQL("VACUUM (FULL, VERBOSE{}) {}").format(
        sql.SQL("" if quiet else ", ANALYZE"), name
    )
    conn.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    why = "the table was in use"
    for _ in range(_TRIES):
        began = time.monotonic()
        try:
            left = _told_left(conn, statement)
        except psycopg.errors.LockNotAvailable:
            time.sleep(_PAUSE_SECONDS)
            continue
        except psycopg.errors.InsufficientPrivilege:
            why = "the login may not maintain it"
            break
        if left:
            why = _OLD
            time.sleep(_PAUSE_SECONDS)
            continue
        if not quiet:
            ms = round(1000 * (time.monotonic() - began))
            done.tables.append(TableScrubbed(table, "full", ms))
        return
    done.not_reached.append(_note(f"free space in the pages of {table}", why))


def _vacuum(conn: psycopg.Connection, table: str, done: Scrubbed) -> None:
    statement = sql.SQL("VACUUM (VERBOSE, INDEX_CLEANUP ON, TRUNCATE ON, ANALYZE) {}").format(
        sql.Identifier(table)
    )
    for _ in range(_TRIES):
        if not _told_left(conn, statement):
            return
        time.sleep(_PAUSE_SECONDS)
    done.not_reached.append(_note(f"rows of {table}", _OLD))


def _told_left(conn: psycopg.Connection, statement: sql.Composed) -> bool:
    """Runs a VACUUM (VERBOSE …); whether it had to leave rows that are dead."""
    told: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        told.append(f"{notice.message_primary} {notice.message_detail}")

    conn.add_notice_handler(hear)
    conn.execute("SET client_min_messages = info")
    try:
        conn.execute(statement)
    finally:
        conn.remove_notice_handler(hear)
    return any(int(count) for text in told for count in _LEFT.findall(text))


def _refilled(conn: psycopg.Connection, table: str, done: Scrubbed) -> None:
    """Fills the free places of a partition of vectors with rows that are never committed.

    They have no modality that any index is built for, so only b-trees hear of them.
    """
    _vacuum(conn, table, done)
    partition = sql.Identifier(table)
    row = conn.execute(
        "SELECT i.inhparent::regclass::text, "
        "(SELECT atttypmod FROM pg_attribute WHERE attrelid = i.inhrelid AND attname = 'vec') "
        "FROM pg_inherits i WHERE i.inhrelid = to_regclass(%s)",
        [table],
    ).fetchone()
    if row is None:
        return
    parent, dimension = row
    insert = sql.SQL(
        "INSERT INTO {} SELECT t.shard, -g - %(from)s, t.asset_id, t.collection_id, 'none.', "
        "false, %(vec)s::halfvec FROM (SELECT shard, '00000000-0000-0000-0000-000000000000'::uuid "
        "AS asset_id, collection_id FROM {} LIMIT 1) t, generate_series(1, {}) g"
    ).format(sql.SQL(parent), partition, sql.Literal(_FILL_ROWS))
    vector = "[" + ",".join(["0"] * dimension) + "]"
    with conn.transaction(force_rollback=True):
        conn.execute("SET LOCAL vitrine.system = 'on'")
        before, filled = _size(conn, table), 0
        while _size(conn, table) == before:
            made = conn.execute(insert, {"from": filled, "vec": vector}).rowcount
            if not made:  # an empty table was truncated by VACUUM
                break
            filled += made
    _vacuum(conn, table, done)
    done.tables.append(TableScrubbed(table, "refilled", 0))


def _size(conn: psycopg.Connection, table: str) -> int:
    row = conn.execute("SELECT pg_relation_size(%s::regclass)", [table]).fetchone()
    return int(row[0]) if row else 0


def _note(what: str, why: str) -> Note:
    return Note(kind="not_reached", what=what, why=why)
