"""Every table of the database as rows, and the views in which the server shows what it does."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from audit.canary.base import Controls, Look
from deploy.canary.scratch import Scratch

Connection = psycopg.Connection[tuple[object, ...]]
_SYSTEM = ("pg_catalog", "information_schema")
# Views that may show what was stored or asked; the others are made of tables read anyway.
VIEWS = (
    "pg_stat_activity",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_prepared_xacts",
    "pg_prepared_statements",
    "pg_cursors",
    "pg_settings",
    "pg_stat_progress_copy",
    "pg_stat_statements",
)


class Tables:
    """Every column of every table, decompressed by the server, the catalogue's own too."""

    name = "database tables"
    permitted = False

    def __init__(
        self, connection: Connection, scratch: Scratch, *, notes: Sequence[str] = ()
    ) -> None:
        self._connection, self._scratch, self._notes = connection, scratch, notes

    def plant(self, controls: Controls) -> None:
        """Rows: plain, within JSON, gzipped in binary, compressed by the server."""
        scratch = self._scratch
        scratch.make()
        scratch.insert(plain=controls.new("plain", where=f"{scratch.table}.plain"))
        doc = controls.new("plain", where=f"{scratch.table}.doc")
        scratch.insert(doc=f'{{"a": ["{doc}"]}}')
        data = controls.new("gzip", where=f"{scratch.table}.data")
        scratch.insert(data=gzip.compress(data.encode()))
        for out_of_line in (False, True):
            packed = controls.new("plain", where=f"{scratch.table}.packed")
            scratch.insert_packed(packed, out_of_line=out_of_line)

    def search(self, look: Look) -> None:
        """Table by table; one with a find is read again column by column, to name it."""
        look.notes.extend(self._notes)
        closed: list[str] = []
        for schema, table in self._tables():
            name = table if schema == "public" else f"{schema}.{table}"
            try:
                try:
                    self._table(schema, table, name, look)
                except psycopg.errors.InsufficientPrivilege:
                    with self._as_its_owner(schema, table):
                        self._table(schema, table, name, look)
            except psycopg.errors.UndefinedTable:
                continue  # dropped meanwhile
            except psycopg.errors.InsufficientPrivilege:
                if schema in _SYSTEM:
                    closed.append(name)
                else:
                    look.failed(f"{name} may not be read")
            except psycopg.Error as error:
                look.failed(f"{name} cannot be read ({type(error).__name__})")
        if closed:
            look.note(f"only a superuser may read {', '.join(closed)}")

    def _table(self, schema: str, table: str, name: str, look: Look) -> None:
        probe = Look(look.needles, given=look.given)
        if probe.through(name, self._rows(schema, table, None)).anything:
            for column in self._columns(schema, table):
                look.through(f"{name}.{column}", self._rows(schema, table, column))
        else:
            look.places += 1
            look.bytes_read += probe.bytes_read
        look.failures.extend(probe.failures)

    @contextmanager
    def _as_its_owner(self, schema: str, table: str) -> Iterator[None]:
        """In the role that owns a table: the ledger's, for one, which the owner may become."""
        row = self._connection.execute(
            "SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass",
            [sql.Identifier(schema, table).as_string(self._connection)],
        ).fetchone()
        if row is None:
            raise psycopg.errors.UndefinedTable
        self._connection.execute(sql.SQL("SET ROLE {}").format(sql.SQL(str(row[0]))))
        try:
            yield
        finally:
            self._connection.execute("RESET ROLE")

    def clean(self) -> None:
        """The table is dropped."""
        self._scratch.drop()

    def _tables(self) -> list[tuple[str, str]]:
        rows = self._connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'f') "
            "AND n.nspname <> 'pg_toast' ORDER BY 1, 2"
        )
        return [(str(schema), str(table)) for schema, table in rows]

    def _columns(self, schema: str, table: str) -> list[str]:
        rows = self._connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped ORDER BY attnum",
            [sql.Identifier(schema, table).as_string(self._connection)],
        )
        return [str(name) for (name,) in rows]

    def _rows(self, schema: str, table: str, column: str | None) -> Iterator[bytes]:
        """The rows as the server sends them; as text where a type may have no binary form."""
        wanted = sql.SQL("*") if column is None else sql.Identifier(column)
        query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
            wanted, sql.Identifier(schema, table)
        )
        if schema not in _SYSTEM:
            query += sql.SQL(" (FORMAT binary)")
        yield from copied(self._connection, query)


class Views:
    """What the server shows about itself: running statements, planner's statistics, settings."""

    name = "database views"
    permitted = False

    def __init__(self, connection: Connection, other: Connection, scratch: Scratch) -> None:
        """``other`` is a second connection, whose last statement is a control."""
        self._connection, self._other, self._scratch = connection, other, scratch

    def plant(self, controls: Controls) -> None:
        """A statement of another session, and a column's most common value."""
        statement = controls.new("plain", where="pg_stat_activity")
        self._other.execute(sql.SQL("SELECT 1 -- {}").format(sql.SQL(statement)))
        self._scratch.make()
        self._scratch.insert_common(controls.new("plain", where="pg_stats"))

    def search(self, look: Look) -> None:
        """View by view; an extension's are read where it is installed."""
        for view in VIEWS:
            query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(view))
            try:
                look.through(view, copied(self._connection, query))
            except psycopg.errors.UndefinedTable:
                continue
            except psycopg.Error as error:
                look.failed(f"{view} cannot be read ({type(error).__name__})")

    def clean(self) -> None:
        """The table is dropped; the other session has asked for something else."""
        self._scratch.drop()
        self._other.execute("SELECT 1")


def copied(connection: Connection, query: sql.Composed) -> Iterator[bytes]:
    """What COPY … TO STDOUT sends."""
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            yield bytes(block)


def see_everything(connection: Connection) -> Sequence[str]:
    """Lets an ordinary owner see past row-level security; what it cannot be sure of, as notes."""
    row = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row and row[0]:
        return ()
    connection.execute("SELECT set_config('vitrine.system', 'on', false)")
    return ("read as the owner, who is no superuser: rows behind other policies are not seen",)
