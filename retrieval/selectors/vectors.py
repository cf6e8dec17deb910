"""Where vectors lie, which indexes there are, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg

from retrieval import scope
from retrieval.models import Collection
from retrieval.vector_models import CollectionShard
from retrieval.vectors import own_ddl, tables, tuning
from retrieval.vectors.ddl import owner_connection
from retrieval.vectors.moving import large_collections

# A quarter more than the threshold: until the next look a collection may be past it rightly.
_OVERDUE = 1.25


@dataclass(frozen=True)
class ShardStatus:
    """A collection's own shard. ``invalid``: indexes that a killed build left."""

    collection_id: UUID
    shard: int
    state: str
    index: str
    rows: int
    reason: str
    index_bytes: int
    invalid: tuple[str, ...]


@dataclass(frozen=True)
class Building:
    """An index that is being built now: ``done`` rows of about ``total`` of its partition."""

    index: str
    phase: str
    done: int
    total: int


def shards_list() -> list[ShardStatus]:
    """Every shard of a single collection, by number.

    Raises:
        Unavailable: the owner's login is not known here.
    """
    with scope.system():
        rows = list(CollectionShard.objects.all())
        every = tables()
    with owner_connection() as conn:
        return [_status(conn, row, every) for row in rows]


def _status(conn: psycopg.Connection, row: CollectionShard, every: list[str]) -> ShardStatus:
    built = [
        index for table in every for index in own_ddl.indexes_of(conn, table=table, shard=row.shard)
    ]
    return ShardStatus(
        collection_id=row.collection_id,
        shard=row.shard,
        state=row.state,
        index=row.index,
        rows=row.rows,
        reason=row.reason,
        index_bytes=sum(one.size_bytes for one in built),
        invalid=tuple(one.name for one in built if not one.valid),
    )


def builds_running() -> list[Building]:
    """Index builds in progress. Raises ``Unavailable`` where the owner's login is not known."""
    with owner_connection() as conn:
        rows = conn.execute(
            "SELECT c.relname, p.phase, p.tuples_done, greatest(h.reltuples, 0)::bigint "
            "FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.index_relid "
            "JOIN pg_class h ON h.oid = p.relid WHERE p.datname = current_database()"
        ).fetchall()
    return [Building(index=i, phase=p, done=d, total=t) for i, p, d, t in rows]


def faults() -> list[str]:
    """What is wrong with where vectors lie, a sentence each; empty when all is well.

    Raises:
        Unavailable: the owner's login is not known here.
    """
    found = [
        f"{len(one.invalid)} indexes of shard {one.shard} are left of a build that was killed"
        for one in shards_list()
        if one.invalid and not builds_running()
    ]
    found += [
        f"the last step of shard {one.shard} failed: {one.reason}"
        for one in shards_list()
        if one.reason
    ]
    with owner_connection() as conn:
        bare = conn.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relname LIKE 'vectors\\_%' "
            "AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
            "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ).fetchall()
    found += [f"{name} has no row-level security" for (name,) in bare]
    return found + _overdue()


def _overdue() -> list[str]:
    least = round(tuning.current().own_rows * _OVERDUE)
    with scope.system():
        large = {
            collection
            for table in tables()
            for collection in large_collections(table=table, rows=least)
        }
        known = set(
            CollectionShard.objects.filter(collection_id__in=large).values_list(
                "collection_id", flat=True
            )
        )
        alive = set(Collection.objects.filter(id__in=large).values_list("id", flat=True))
    count = len(alive - known)
    return [f"{count} collections are past {least} rows without an index"] if count else []
