"""A table of the search's own, whose rows are the database's controls."""

from __future__ import annotations

import random
import secrets

import psycopg
from psycopg import sql

_COMMON_ROWS = 60  # as many rows with the same value make it a common one for ANALYZE
_VOCABULARY, _WORDS = 260, 3000  # packs to some 8 kB, which is too long for a row


class Scratch:
    """Made by the first store that plants, dropped by the first that cleans."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        self.table = f"vitrine_canary_{secrets.token_hex(6)}"
        self._gone = sql.Identifier(f"{self.table}_gone")
        self._made = False

    def make(self) -> None:
        """The table and its index are there."""
        if self._made:
            return
        self._run(
            "CREATE TABLE {0} (id bigserial, plain text, packed text, doc jsonb, data bytea,"
            " common text)"
        )
        self._made = True
        self._run("CREATE INDEX ON {0} (plain)")
        # A page with room is not tidied up by whoever reads it next, so the deleted row stays.
        self._run("CREATE TABLE {1} (plain text)", None, self._gone)

    def drop(self) -> None:
        """The table is gone."""
        if self._made:
            self._run("DROP TABLE IF EXISTS {0}, {1}", None, self._gone)
            self._made = False

    def insert(
        self, *, plain: str | None = None, doc: str | None = None, data: bytes | None = None
    ) -> None:
        """One row."""
        statement = "INSERT INTO {0} (plain, doc, data) VALUES (%s, %s, %s)"
        self._run(statement, [plain, doc, data])

    def insert_deleted(self, token: str) -> None:
        """A row that is deleted again; its bytes stay until later rows overwrite them."""
        self._run("INSERT INTO {1} VALUES (%s)", [token], self._gone)
        self._run("DELETE FROM {1}", None, self._gone)

    def insert_packed(self, token: str, *, out_of_line: bool) -> None:
        """``token`` in a text that Postgres compresses, so that no plain search can see it."""
        middle = len(token) // 2
        # The halves stand in the wrong order first; where they stand together both are references.
        halves = f"{token[middle:]}; {token[:middle]}; "
        if out_of_line:
            choose = random.Random(token)  # noqa: S311 - filler text
            words = [f"{choose.randrange(10**7):07d}" for _ in range(_VOCABULARY)]
            filler = " ".join(choose.choices(words, k=_WORDS))
        else:
            filler = "a quiet afternoon by the river " * 100
        text = f"{halves}{filler}{token[:middle]}{token[middle:]}"
        self._run("INSERT INTO {0} (packed) VALUES (%s)", [text])

    def insert_common(self, token: str) -> None:
        """``token`` as a column's most common value, which the planner's statistics keep."""
        statement = "INSERT INTO {0} (common) SELECT %s FROM generate_series(1, {1})"
        self._run(statement, [token], sql.Literal(_COMMON_ROWS))
        self._run("ANALYZE {0}")

    def paths(self) -> tuple[str, str, str, str, str]:
        """Files of the table, its index, out of line values, deleted rows, planner's statistics."""
        row = self._connection.execute(
            "SELECT pg_relation_filepath(c.oid), pg_relation_filepath(i.indexrelid), "
            "pg_relation_filepath(c.reltoastrelid), pg_relation_filepath(%s::regclass), "
            "pg_relation_filepath('pg_statistic') "
            "FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid WHERE c.relname = %s",
            [f"{self.table}_gone", self.table],
        ).fetchone()
        assert row is not None  # noqa: S101 - made above
        table, index, toast, gone, statistics = (str(path) for path in row)
        return table, index, toast, gone, statistics

    def relations(self) -> dict[str, str]:
        """Tables and indexes by the file they lie in; a table's name for its values out of line."""
        rows = self._connection.execute(
            "SELECT pg_relation_filepath(c.oid), coalesce(t.oid, c.oid)::regclass::text "
            "FROM pg_class c LEFT JOIN pg_class t ON t.reltoastrelid = c.oid "
            "WHERE pg_relation_filepath(c.oid) IS NOT NULL"
        )
        return {str(path): str(name) for path, name in rows}

    def checkpoint(self) -> None:
        """What the server holds in memory lies in its files."""
        self._connection.execute("CHECKPOINT")

    def _run(
        self, statement: str, values: list[object] | None = None, *more: sql.Composable
    ) -> None:
        query = sql.SQL(statement).format(sql.Identifier(self.table), *more)
        self._connection.execute(query, values)
