"""Rows go where the map of shards says, and nowhere twice, also while a collection is moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from psycopg import sql

from retrieval.vectors import shard_map
from retrieval.vectors.base import VectorRow, checked
from retrieval.vectors.raw import executed, half

_SPACE = 0x766563  # keeps these advisory locks apart from others' in the same database
# One collection's writers share its lock, and a move takes it alone for the moment in which the map
# changes: so no writer goes by an older map than the one it read.
_SHARE = sql.SQL(
    "SELECT pg_advisory_xact_lock_shared({}, hashtext(c::text)) FROM unnest(%b::uuid[]) c"
)
_ALONE = sql.SQL("SELECT pg_advisory_xact_lock({}, hashtext(%s::text))")
_ELSEWHERE = "DELETE FROM {table} WHERE segment_id = ANY(%b) AND shard <> %b"
_UPSERT = """
INSERT INTO {table} (shard, segment_id, asset_id, collection_id, modality, searchable, vec)
VALUES {values}
ON CONFLICT (segment_id, shard) DO UPDATE SET
    asset_id = excluded.asset_id, collection_id = excluded.collection_id,
    modality = excluded.modality, searchable = excluded.searchable, vec = excluded.vec
"""
_ROWS_A_STATEMENT = 1000  # seven parameters a row; the protocol's limit is 65,535 parameters


def writers_share(collections: Iterable[UUID]) -> None:
    """Until the transaction ends, nobody changes where these collections' rows are written."""
    ordered = sorted(set(collections))  # one order for all, so that no two wait for each other
    with executed(_SHARE.format(sql.Literal(_SPACE)), [ordered]):
        pass


def writers_end(collection: UUID) -> None:
    """Until the transaction ends, nobody writes rows of this collection; waits for who does."""
    with executed(_ALONE.format(sql.Literal(_SPACE)), [str(collection)]):
        pass


@transaction.atomic
def rows_write(*, table: str, rows: Sequence[VectorRow], searchable: bool) -> None:
    """Store or replace the vectors of segments, each in the one shard where it belongs."""
    if not rows:
        return
    writers_share(row.collection_id for row in rows)
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
