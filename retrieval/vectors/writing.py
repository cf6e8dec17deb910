"""Rows go where the map of shards says, and nowhere twice, also while a collection is moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from psycopg import sql

from retrieval.vectors import shard_map
from retrieval.vectors.base import VectorRow, checked
from retrieval.vectors.raw import executed, half

_LOCK = 0x766563746F7273  # one number among our advisory locks
# Writers share the lock; a move takes it alone for one batch, or for the change of the map. So no
# writer goes by an older map than the one it read, and none changes a row that is just on its way:
# such a change would find nothing in the old place and miss the new one.
_SHARE = f"SELECT pg_advisory_xact_lock_shared({_LOCK})"
_ALONE = f"SELECT pg_advisory_xact_lock({_LOCK})"
_ELSEWHERE = "DELETE FROM {table} WHERE segment_id = ANY(%b) AND shard <> %b"
_UPSERT = """
INSERT INTO {table} (shard, segment_id, asset_id, collection_id, modality, searchable, vec)
VALUES {values}
ON CONFLICT (segment_id, shard) DO UPDATE SET
    asset_id = excluded.asset_id, collection_id = excluded.collection_id,
    modality = excluded.modality, searchable = excluded.searchable, vec = excluded.vec
"""
_ROWS_A_STATEMENT = 1000  # seven parameters a row; the protocol's limit is 65,535 parameters


def writers_share() -> None:
    """Until the transaction ends, no row of a divided table moves and no new place is decided.

    Call it before writing into such a table, and read the map afterwards.
    """
    with executed(sql.SQL(_SHARE), []):
        pass


def writers_end() -> None:
    """Until the transaction ends, nobody else writes into a divided table; waits for who does."""
    with executed(sql.SQL(_ALONE), []):
        pass


@transaction.atomic
def rows_write(*, table: str, rows: Sequence[VectorRow], searchable: bool) -> None:
    """Store or replace the vectors of segments, each in the one shard where it belongs."""
    if not rows:
        return
    writers_share()
    shards = shard_map.refreshed()  # only now: the lock is held
    shared = shard_map.shared_shards(table)
    by_shard: dict[int, list[VectorRow]] = {}
    for row in rows:
        place = shards.write_shard(row.collection_id, shards=shared)
        by_shard.setdefault(place, []).append(row)
    for shard, part in by_shard.items():
        for first in range(0, len(part), _ROWS_A_STATEMENT):
            _write(table, shard, part[first : first + _ROWS_A_STATEMENT], searchable)


def _write(table: str, shard: int, rows: Sequence[VectorRow], searchable: bool) -> None:  # noqa: FBT001 - a helper of one call
    name = sql.Identifier(table)
    segments = [row.segment_id for row in rows]
    with executed(sql.SQL(_ELSEWHERE).format(table=name), [segments, shard]):
        pass
    values = sql.SQL(", ").join([sql.SQL("(%s, %s, %s, %s, %s, %s, %b)")] * len(rows))
    parameters: list[Any] = []
    for row in rows:
        parameters += [
            shard,
            row.segment_id,
            row.asset_id,
            row.collection_id,
            row.modality,
            searchable,
            half(checked(row.vector)),
        ]
    with executed(sql.SQL(_UPSERT).format(table=name, values=values), parameters):
        pass


@transaction.atomic
def searchable_set(*, table: str, asset_ids: Sequence[UUID], searchable: bool) -> int:
    """Show or hide all vectors of assets; the number of rows changed."""
    writers_share()
    statement = sql.SQL("UPDATE {} SET searchable = %s WHERE asset_id = ANY(%b)")
    with executed(statement.format(sql.Identifier(table)), [searchable, list(asset_ids)]) as cursor:
        return cursor.rowcount


@transaction.atomic
def rows_delete(*, table: str, column: str, values: Sequence[UUID] | Sequence[int]) -> int:
    """Remove the rows with one of these ``values`` in ``column``; how many there were."""
    writers_share()
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%b)")
    names = sql.Identifier(table), sql.Identifier(column)
    with executed(statement.format(*names), [list(values)]) as cursor:
        return cursor.rowcount
