"""Rows go from one shard to another while searches and writes go on.

A batch is one transaction that no writer runs beside, so a search's snapshot sees each row in
exactly one place; which places it has to look in, it reads in the same snapshot (``shard_map``).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from retrieval import scope
from retrieval.vectors.raw import executed
from retrieval.vectors.shards import FIRST_OWN_SHARD
from retrieval.vectors.writing import writers_end

# About a tenth of a second, for which writers wait.
_BATCH = 1000
_MOVE = """
UPDATE {table} SET shard = %s WHERE collection_id = %s AND shard = ANY(%b) AND segment_id IN (
    SELECT segment_id FROM {table} WHERE collection_id = %s AND shard = ANY(%b) LIMIT {batch}
)
"""
_LARGE = """
SELECT collection_id, count(*) FROM {table} WHERE shard < {first}
GROUP BY collection_id HAVING count(*) >= %s
"""


def batch_move(*, table: str, collection: UUID, sources: Sequence[int], target: int) -> int:
    """How many rows were moved, in a transaction of its own; 0 when none is left."""
    with scope.system():
        writers_end()
        statement = sql.SQL(_MOVE).format(table=sql.Identifier(table), batch=sql.Literal(_BATCH))
        values = [target, collection, list(sources), collection, list(sources)]
        with executed(statement, values) as cursor:
            return cursor.rowcount


def rows_in(*, table: str, collection: UUID, shards: Sequence[int]) -> int:
    """How many rows of a collection lie in these shards. Call inside ``scope.system``."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE shard = ANY(%b) AND collection_id = %s")
    with executed(statement.format(sql.Identifier(table)), [list(shards), collection]) as cursor:
        row = cursor.fetchone()
        return int(row[0]) if row else 0


def large_collections(*, table: str, rows: int) -> dict[UUID, int]:
    """Collections with at least ``rows`` rows in shared shards. Call inside ``scope.system``."""
    statement = sql.SQL(_LARGE).format(
        table=sql.Identifier(table), first=sql.Literal(FIRST_OWN_SHARD)
    )
    with executed(statement, [rows]) as cursor:
        return {collection: int(count) for collection, count in cursor}
