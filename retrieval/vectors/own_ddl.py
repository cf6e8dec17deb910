"""Partitions of single collections, and their approximate indexes, made by the database's owner.

The application reads such a partition by its name: planning looks at nothing else, and its policy
asks once a statement whether the reader sees this one collection, not for every row whether it is
among all visible ones. A constraint keeps other collections' rows out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql

from retrieval.lexical import sql as words
from retrieval.vectors import ddl

# Graph parameters of HNSW (Malkov and Yashunin 2018, arXiv:1603.09320), measured by `deploy/bench
# search`: recall@10 of the whole search stays above .99 at a million rows.
M, EF_CONSTRUCTION = 16, 100
# Beside the vector: 2 x M neighbours at the lowest level and their bookkeeping, in memory.
_GRAPH_BYTES_A_ROW = 700
_SPARE_CORES = 1  # a build leaves them to searches
_MOST_WORKERS = 7

# ATTACH takes a lock that lets searches and writes pass; CREATE … PARTITION OF would not.
_MAKE = """
CREATE TABLE {partition} (
    LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING INDEXES,
    CONSTRAINT one_collection CHECK (collection_id = {collection} AND shard = {shard})
);
ALTER TABLE {partition} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {partition} FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON {partition}
    USING ((SELECT vitrine_is_system()) OR (SELECT vitrine_sees({collection})));
REVOKE ALL ON {partition} FROM vitrine_app;
GRANT SELECT ON {partition} TO vitrine_app;
"""
_NO_STATISTICS = "ALTER TABLE {partition} ALTER COLUMN vec SET STATISTICS 0"
_ATTACH = "ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES IN ({shard})"
_OF_KIND = {
    "hnsw": "hnsw (vec halfvec_ip_ops)",
    "binary": "hnsw ((binary_quantize(vec)::bit({dimension})) bit_hamming_ops)",
}


def partition_name(table: str, shard: int) -> str:
    """The partition of ``table`` that holds an own shard."""
    return f"{table}_c{shard}"


def index_name(table: str, shard: int, modality: str, kind: str) -> str:
    """An index's name: at most 63 characters, different for different tables."""
    digest = hashlib.sha256(f"{table}/{modality}".encode()).hexdigest()[:12]
    return f"ann_{shard}_{modality[:24]}_{kind}_{digest}"


def sharded_tables(conn: psycopg.Connection) -> list[str]:
    """Every table that is divided by ``shard`` alone: those of vectors, and of words."""
    rows = conn.execute(
        "SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] "
        "WHERE p.partstrat = 'l' AND p.partnatts = 1 AND a.attname = 'shard' "
        "AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname"
    )
    return [name for (name,) in rows]


def partition_there(conn: psycopg.Connection, *, table: str, shard: int) -> bool:
    """Whether ``table`` has a partition for an own shard."""
    return _exists(conn, partition_name(table, shard))


def partition_make(conn: psycopg.Connection, *, table: str, shard: int, collection: UUID) -> bool:
    """Whether the partition had to be made."""
    names = {
        "table": sql.Identifier(table),
        "partition": sql.Identifier(partition_name(table, shard)),
        "shard": sql.Literal(shard),
        "collection": sql.Literal(str(collection)),
    }
    with conn.transaction():
        if partition_there(conn, table=table, shard=shard):
            return False
        conn.execute(sql.SQL(_MAKE).format(**names))
        if ddl.dimension_of(conn, table) is not None:
            conn.execute(sql.SQL(_NO_STATISTICS).format(**names))
        if table == words.TABLE:
            index = sql.Identifier(f"{words.TABLE}_words_{shard}")
            conn.execute(sql.SQL(words.OWN_PARTITION).format(index=index, **names))
        conn.execute(sql.SQL(_ATTACH).format(**names))
    return True


def partition_drop(conn: psycopg.Connection, *, table: str, shard: int) -> bool:
    """Whether there was one; searches and writes go on meanwhile. ``conn`` must autocommit."""
    partition = partition_name(table, shard)
    if not _exists(conn, partition):
        return False
    names = {"table": sql.Identifier(table), "partition": sql.Identifier(partition)}
    attached = conn.execute(
        "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = %s::regclass", [partition]
    ).fetchone()
    if attached is not None:
        how = "FINALIZE" if attached[0] else "CONCURRENTLY"
        conn.execute(
            sql.SQL("ALTER TABLE {table} DETACH PARTITION {partition} " + how).format(**names)
        )
    conn.execute(sql.SQL("DROP TABLE {partition}").format(**names))
    return True


@dataclass(frozen=True)
class Built:
    """An index in the catalogue. ``valid`` is false while it is built, and after a killed build."""

    name: str
    valid: bool
    size_bytes: int


def indexes_of(conn: psycopg.Connection, *, table: str, shard: int) -> list[Built]:
    """The approximate indexes of a partition, valid or not."""
    rows = conn.execute(
        "SELECT c.relname, i.indisvalid, pg_relation_size(c.oid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam "
        "WHERE i.indrelid = to_regclass(%s) AND a.amname = 'hnsw' ORDER BY c.relname",
        [partition_name(table, shard)],
    )
    return [Built(name=name, valid=valid, size_bytes=size) for name, valid, size in rows]


def modalities_of(conn: psycopg.Connection, *, table: str, shard: int) -> dict[str, int]:
    """Rows of each modality in a partition; empty where there is no such partition."""
    partition = partition_name(table, shard)
    if not _exists(conn, partition):
        return {}
    with conn.transaction():
        conn.execute("SET LOCAL vitrine.system = 'on'")
        rows = conn.execute(
            sql.SQL("SELECT modality, count(*) FROM {} GROUP BY modality").format(
                sql.Identifier(partition)
            )
        ).fetchall()
    return dict(rows)


def indexes_drop(conn: psycopg.Connection, *, table: str, shard: int, but: set[str]) -> bool:
    """Whether a partition had approximate indexes other than ``but``; ``conn`` must autocommit."""
    others = [one.name for one in indexes_of(conn, table=table, shard=shard) if one.name not in but]
    for name in others:
        conn.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
    return bool(others)


def indexes_rebuild(
    conn: psycopg.Connection, *, table: str, shard: int, rows: int
) -> Iterator[str]:
    """Builds each approximate index of a partition anew and says which; ``conn`` autocommits."""
    _build_settings(conn, rows=rows, dimension=ddl.dimension_of(conn, table) or 0)
    for one in indexes_of(conn, table=table, shard=shard):
        conn.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(one.name)))
        yield one.name


def index_build(
    conn: psycopg.Connection, *, table: str, shard: int, modality: str, kind: str, rows: int
) -> bool:
    """Whether the index had to be built; what a killed build left is taken away first.

    Searches and writes go on meanwhile. ``conn`` must autocommit. Only one build of an index at a
    time: an unfinished one would be taken for a killed one.
    """
    dimension = ddl.dimension_of(conn, table)
    name = index_name(table, shard, modality, kind)
    for built in indexes_of(conn, table=table, shard=shard):
        if built.name == name and built.valid:
            return False
        if built.name == name:
            conn.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
    _build_settings(conn, rows=rows, dimension=dimension or 0)
    conn.execute(
        sql.SQL(
            "CREATE INDEX CONCURRENTLY {name} ON {partition} USING "
            + _OF_KIND[kind]
            + " WITH (m = {m}, ef_construction = {ef}) WHERE modality = {modality} AND searchable"
        ).format(
            name=sql.Identifier(name),
            partition=sql.Identifier(partition_name(table, shard)),
            dimension=sql.Literal(dimension),
            m=sql.Literal(M),
            ef=sql.Literal(EF_CONSTRUCTION),
            modality=sql.Literal(modality),
        )
    )
    return True


def _build_settings(conn: psycopg.Connection, *, rows: int, dimension: int) -> None:
    """As much memory as the graph takes, within what the server was given.

    A graph that does not fit is finished row by row on its pages, several times slower.
    """
    workers = max(0, min((os.cpu_count() or 1) - _SPARE_CORES - 1, _MOST_WORKERS))
    conn.execute(sql.SQL("SET max_parallel_maintenance_workers = {}").format(sql.Literal(workers)))
    kilobytes = rows * (2 * dimension + _GRAPH_BYTES_A_ROW) // 1024
    conn.execute(
        "SELECT set_config('maintenance_work_mem', greatest("
        "(SELECT setting::bigint FROM pg_settings WHERE name = 'maintenance_work_mem'), "
        "least(%s, (SELECT setting::bigint * 8 FROM pg_settings WHERE name = 'shared_buffers')), "
        "65536)::text || 'kB', false)",
        [kilobytes],
    )


def _exists(conn: psycopg.Connection, name: str) -> bool:
    row = conn.execute("SELECT to_regclass(%s)", [name]).fetchone()
    return row is not None and row[0] is not None
