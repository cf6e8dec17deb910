"""Vector tables are made and dropped by the database's owner, over a connection of its own.

The application's role may do neither: it reads and writes rows of the parent table, under row-level
security, and cannot reach a partition directly.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from psycopg import sql

from retrieval.errors import Unavailable
from retrieval.vectors.shards import LEFT, SHARED_SHARDS

# pgvector stores a halfvec in the row only while it fits on a page (8 kB) with its header: 2 bytes
# a dimension. Beyond it STORAGE PLAIN refuses the row. https://github.com/pgvector/pgvector#halfvec
MAX_DIMENSION = 4000
_LOCK_TIMEOUT = "4s"

_CREATE = """
CREATE TABLE {table} (
    shard smallint NOT NULL,
    segment_id bigint NOT NULL,
    asset_id uuid NOT NULL,
    collection_id uuid NOT NULL,
    modality text NOT NULL,
    searchable boolean NOT NULL,
    vec halfvec({dimension}) STORAGE PLAIN NOT NULL,
    PRIMARY KEY (segment_id, shard)
) PARTITION BY LIST (shard);
ALTER TABLE {table} ALTER COLUMN vec SET STATISTICS 0;
CREATE INDEX ON {table} (collection_id, modality);
CREATE INDEX ON {table} (asset_id);
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON {table}
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK (
        (SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections())
    );
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO vitrine_app;
"""

# A partition asked directly would not pass the parent's policy, so nobody may: no privilege, and a
# policy for the owner's dump alone.
_PARTITION = """
CREATE TABLE {partition} PARTITION OF {table} FOR VALUES IN ({shard});
ALTER TABLE {partition} ALTER COLUMN vec SET STATISTICS 0;
-- How common each collection is would be looked up for each of the thousands that a search names,
-- milliseconds in all, and would change no plan: their rows are found through the index.
ALTER TABLE {partition} ALTER COLUMN collection_id SET STATISTICS 1;
ALTER TABLE {partition} ALTER COLUMN collection_id SET (n_distinct = -0.01);
ALTER TABLE {partition} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {partition} FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON {partition} FOR SELECT TO CURRENT_USER
    USING ((SELECT vitrine_is_system()));
REVOKE ALL ON {partition} FROM vitrine_app;
"""


def table_name(ref: str) -> str:
    """The table of a model version: readable, and different for different refs."""
    readable = re.sub(r"[^a-z0-9]+", "_", ref.lower()).strip("_")[:32]
    return f"vectors_{readable}_{hashlib.sha256(ref.encode()).hexdigest()[:8]}"


@contextmanager
def owner_connection(*, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """The owner's connection to the database that Django uses; one transaction.

    With ``autocommit`` each statement is its own: what runs CONCURRENTLY needs that.

    Raises:
        Unavailable: DATABASE_URL is not set here, or its login is refused.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise Unavailable("DATABASE_URL, the login that owns the database, is not set here.")
    try:
        conn = psycopg.connect(url, dbname=connection.settings_dict["NAME"], autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise Unavailable("The database refused the login that DATABASE_URL names.") from error
    with conn:
        conn.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
        yield conn


def create_table(*, table: str, dimension: int, shards: int = SHARED_SHARDS) -> bool:
    """Whether the table had to be made; one that is there with this dimension is left alone.

    Raises:
        ValueError: a dimension that a row cannot hold, or that differs from the table's.
    """
    if not 1 <= dimension <= MAX_DIMENSION:
        raise ValueError(f"expected a dimension from 1 to {MAX_DIMENSION}, got {dimension}")
    with owner_connection() as conn:
        there = dimension_of(conn, table)
        if there is not None:
            if there != dimension:
                raise ValueError(f"{table} has dimension {there}, expected {dimension}")
            return False
        name = sql.Identifier(table)
        conn.execute(sql.SQL(_CREATE).format(table=name, dimension=sql.Literal(dimension)))
        for shard in range(shards):
            conn.execute(
                sql.SQL(_PARTITION).format(
                    table=name,
                    partition=sql.Identifier(f"{table}_s{shard:02}"),
                    shard=sql.Literal(shard),
                )
            )
        _own_partitions(conn, table)
    return True


def _own_partitions(conn: psycopg.Connection, table: str) -> None:
    """What is embedded under a new version goes into collections' own shards from the first row."""
    from retrieval.vectors import own_ddl  # which builds upon this module

    for collection, shard, state in conn.execute(
        "SELECT collection_id, shard, state FROM vitrine_shards() WHERE collection_id IS NOT NULL"
    ).fetchall():
        if state != LEFT:
            own_ddl.partition_make(conn, table=table, shard=shard, collection=collection)


def drop_table(*, table: str) -> None:
    """Remove a vector table with everything in it; nothing happens where there is none."""
    with owner_connection() as conn:
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))


def dimension_of(conn: psycopg.Connection, table: str) -> int | None:
    """The dimension of a vector table; None where there is no such table, or no ``vec`` in it."""
    # pgvector keeps it in atttypmod.
    row = conn.execute(
        "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'vec'",
        [table],
    ).fetchone()
    return None if row is None else int(row[0])
