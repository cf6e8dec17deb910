"""One collection's way into a shard of its own and back, a step at a time.

Every step can be repeated: a process that dies leaves a state from which the next goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import psycopg
import structlog
from django.db.models import Max
from django.utils import timezone

from audit import ledger
from retrieval import scope
from retrieval.errors import Conflict, NotVisible
from retrieval.models import Collection
from retrieval.vector_models import CollectionShard
from retrieval.vectors import own_ddl, shard_map, tables
from retrieval.vectors.moving import batch_move, rows_in
from retrieval.vectors.shards import FIRST_OWN_SHARD, LAST_OWN_SHARD, SHARED_SHARDS, shard_of
from retrieval.vectors.writing import writers_end

logger = structlog.get_logger("vitrine.vectors")

State = CollectionShard.State
# A modality with fewer rows in a shard is compared exactly at once.
INDEX_FROM_ROWS = 2_000

Say = Callable[[str], None]


def shard_begin(
    conn: psycopg.Connection,
    *,
    collection_id: UUID,
    index: str = CollectionShard.Index.HNSW,
    asked: bool = False,
) -> CollectionShard:
    """The collection's shard, newly made or as it is; partitions are there, no row has moved yet.

    ``conn`` is the owner's, in autocommit. With ``asked`` the collection keeps it whatever its
    size.

    Raises:
        NotVisible: there is no such collection.
        Conflict: it is just leaving its shard, or no number is left.
    """
    with scope.system():
        if not Collection.objects.filter(id=collection_id).exists():
            raise NotVisible("There is no such collection.")
        there = CollectionShard.objects.filter(collection_id=collection_id).first()
        last = CollectionShard.objects.aggregate(last=Max("shard"))["last"]
    if there is not None:
        return _again(there, index=index, asked=asked)
    every = own_ddl.sharded_tables(conn)
    shard = max(last or 0, FIRST_OWN_SHARD - 1) + 1
    while any(own_ddl.partition_there(conn, table=table, shard=shard) for table in every):
        shard += 1  # left of a begin that did not come to its end
    if shard > LAST_OWN_SHARD:
        raise Conflict("No shard number is left.")
    for table in every:
        own_ddl.partition_make(conn, table=table, shard=shard, collection=collection_id)
    with scope.system():
        writers_end()
        made = CollectionShard.objects.create(
            collection_id=collection_id, shard=shard, index=index, asked=asked
        )
        _record("begin", made)
    return made


def _again(there: CollectionShard, *, index: str, asked: bool) -> CollectionShard:
    if there.state in {State.LEAVING, State.LEFT}:
        raise Conflict("The collection is leaving its shard; ask again when it has left.")
    if (there.index, there.asked) != (index, there.asked or asked):
        rebuild = there.index != index and there.state == State.READY
        there.index, there.asked = index, there.asked or asked
        there.state = State.INDEXING if rebuild else there.state
        with scope.system():
            there.save(update_fields=["index", "asked", "state"])
    return there


def shard_end(*, collection_id: UUID) -> None:
    """The collection's rows go back to the shared shards, from the next step on.

    Raises:
        NotVisible: it has no shard of its own.
    """
    with scope.system():
        writers_end()
        row = CollectionShard.objects.filter(collection_id=collection_id).first()
        if row is None:
            raise NotVisible("The collection has no shard of its own.")
        if row.state not in {State.LEAVING, State.LEFT}:
            _state(row, State.LEAVING)


def shard_rebuild(conn: psycopg.Connection, *, collection_id: UUID, say: Say) -> None:
    """A collection's indexes are built anew beside the old ones, which answer until then.

    Raises:
        NotVisible: it has no shard of its own that is ready.
    """
    with scope.system():
        row = CollectionShard.objects.filter(collection_id=collection_id, state=State.READY).first()
    if row is None:
        raise NotVisible("The collection has no shard of its own that is ready.")
    for table in tables():
        for name in own_ddl.indexes_rebuild(conn, table=table, shard=row.shard, rows=row.rows):
            say(f"{name}: built anew")
    _index(conn, row, say=say)


def shard_advance(conn: psycopg.Connection, row: CollectionShard, *, say: Say) -> bool:
    """Whether something was done: everything that this shard's state makes due now."""
    for table in own_ddl.sharded_tables(conn):
        if row.state != State.LEFT and own_ddl.partition_make(
            conn, table=table, shard=row.shard, collection=row.collection_id
        ):
            say(f"{table}: partition {row.shard} made")
    if row.state == State.MOVING:
        _move(conn, row, own=True, say=say)
        return True
    if row.state in {State.INDEXING, State.READY}:
        return _index(conn, row, say=say)
    if row.state == State.LEAVING:
        _move(conn, row, own=False, say=say)
        return True
    return _drop(conn, row, say=say)


def _move(conn: psycopg.Connection, row: CollectionShard, *, own: bool, say: Say) -> None:
    """All rows into the own shard, or all out of it; then the next state."""
    every = own_ddl.sharded_tables(conn)
    while True:
        for table in every:
            sources, target = _ways(table, row, own=own)
            moved = 0
            while count := batch_move(
                table=table, collection=row.collection_id, sources=sources, target=target
            ):
                moved += count
                say(f"{table}: {moved} rows moved")
        with scope.system():
            writers_end()
            if not any(
                rows_in(
                    table=table,
                    collection=row.collection_id,
                    shards=_ways(table, row, own=own)[0],
                )
                for table in every
            ):
                _state(row, State.INDEXING if own else State.LEFT)
                return


def _ways(table: str, row: CollectionShard, *, own: bool) -> tuple[list[int], int]:
    """The shards that rows come from, and the one they go to."""
    shared = shard_of(row.collection_id, shards=shard_map.shared_shards(table))
    if own:
        # Whatever the number of shared shards was when a row was written.
        return list(range(max(SHARED_SHARDS, shard_map.shared_shards(table)))), row.shard
    return [row.shard], shared


def _index(conn: psycopg.Connection, row: CollectionShard, *, say: Say) -> bool:
    done = False
    most = 0
    for table in tables():
        counts = own_ddl.modalities_of(conn, table=table, shard=row.shard)
        most = max(most, sum(counts.values()))
        for modality, count in counts.items():
            if count < INDEX_FROM_ROWS:
                continue
            done |= own_ddl.index_build(
                conn, table=table, shard=row.shard, modality=modality, kind=row.index, rows=count
            )
        wanted = {own_ddl.index_name(table, row.shard, modality, row.index) for modality in counts}
        done |= own_ddl.indexes_drop(conn, table=table, shard=row.shard, but=wanted)
    if row.state == State.INDEXING or most != row.rows:
        with scope.system():
            row.rows = most
            row.save(update_fields=["rows"])
            if row.state == State.INDEXING:
                _state(row, State.READY)
                say(f"shard {row.shard}: ready, {most} rows")
                done = True
    return done


def _drop(conn: psycopg.Connection, row: CollectionShard, *, say: Say) -> bool:
    """The partitions go once no process can have a map that names them."""
    if timezone.now() - row.changed_at < timedelta(seconds=shard_map.LEFT_SECONDS):
        return False
    for table in own_ddl.sharded_tables(conn):
        if own_ddl.partition_drop(conn, table=table, shard=row.shard):
            say(f"{table}: partition {row.shard} dropped")
    with scope.system():
        _record("end", row)
        row.delete()
    return True


def _state(row: CollectionShard, state: str) -> None:
    row.state, row.changed_at = state, timezone.now()
    row.save(update_fields=["state", "changed_at"])
    logger.info(
        "shard_state", collection_id=str(row.collection_id), shard=row.shard, state=str(state)
    )


def _record(what: str, row: CollectionShard) -> None:
    ledger.record(
        event=f"vectors:shard:{what}",
        actor=None,
        refs={"collection": str(row.collection_id), "shard": row.shard},
    )
