"""Exact search in Postgres: permitted rows are found through a b-tree and compared.

No join, no second sort key and no arithmetic stands around the ORDER BY, so that an index on
``vec`` can serve the same statement once a shard has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import sql
from psycopg.types.json import Jsonb

from retrieval.vectors.base import (
    NO_FILTER,
    AssetFilter,
    Neighbour,
    StoredRow,
    Vector,
    VectorRequest,
    VectorRow,
    checked,
)
from retrieval.vectors.raw import executed, half
from retrieval.vectors.shards import shard_of, shards_of

# ``<#>`` is the negative inner product, which for unit vectors is the negative cosine.
_NEAREST = """(
    SELECT segment_id, asset_id, collection_id, modality, vec <#> %b AS negative
    FROM {table}
    WHERE shard = ANY(%b) AND collection_id = ANY(%b) AND modality = %s AND searchable {filters}
    ORDER BY vec <#> %b LIMIT %b
)"""
_UPSERT = """
INSERT INTO {table} (shard, segment_id, asset_id, collection_id, modality, searchable, vec)
VALUES {values}
ON CONFLICT (segment_id, shard) DO UPDATE SET
    asset_id = excluded.asset_id, collection_id = excluded.collection_id,
    modality = excluded.modality, searchable = excluded.searchable, vec = excluded.vec
"""
_ROWS_A_STATEMENT = 1000  # seven parameters a row; the protocol's limit is 65,535 parameters
_MOST_ID = 2**63 - 1


class PgvectorBackend:
    """``VectorBackend`` on the database that Django is connected to."""

    def search(
        self,
        *,
        table: str,
        query: Vector,
        collections: Sequence[UUID],
        modalities: Sequence[str],
        top_k: int,
        where: AssetFilter = NO_FILTER,
        without_asset: UUID | None = None,
    ) -> list[Neighbour]:
        """One statement, however many collections and modalities; see ``VectorBackend``."""
        vector = half(checked(query))
        if not collections or not modalities:
            return []
        permitted = list(collections)
        filters, values = _filters(where, permitted, without_asset)
        one = sql.SQL(_NEAREST).format(table=sql.Identifier(table), filters=filters)
        parameters: list[Any] = []
        for modality in modalities:
            parameters += [
                vector,
                shards_of(permitted),
                permitted,
                modality,
                *values,
                vector,
                top_k,
            ]
        statement = sql.SQL(" UNION ALL ").join([one] * len(modalities))
        with executed(statement, parameters) as cursor:
            found = [
                Neighbour(
                    segment_id=segment,
                    asset_id=asset,
                    collection_id=collection,
                    modality=modality,
                    similarity=-negative,
                )
                for segment, asset, collection, modality, negative in cursor
            ]
        place = {modality: number for number, modality in enumerate(modalities)}
        # Equal similarities come in no order from the index, and in one order from here.
        return sorted(found, key=lambda n: (place[n.modality], -n.similarity, n.segment_id))

    def search_many(self, requests: Sequence[VectorRequest]) -> list[list[Neighbour]]:
        """One statement a request; see ``VectorBackend``."""
        return [
            self.search(
                table=one.table,
                query=one.query,
                collections=one.collections,
                modalities=one.modalities,
                top_k=one.top_k,
                where=one.where,
                without_asset=one.without_asset,
            )
            for one in requests
        ]

    def upsert(self, *, table: str, rows: Sequence[VectorRow], searchable: bool = True) -> None:
        """One statement a thousand rows; see ``VectorBackend``."""
        for first in range(0, len(rows), _ROWS_A_STATEMENT):
            part = rows[first : first + _ROWS_A_STATEMENT]
            values = sql.SQL(", ").join([sql.SQL("(%s, %s, %s, %s, %s, %s, %b)")] * len(part))
            parameters: list[Any] = []
            for row in part:
                parameters += [
                    shard_of(row.collection_id),
                    row.segment_id,
                    row.asset_id,
                    row.collection_id,
                    row.modality,
                    searchable,
                    half(checked(row.vector)),
                ]
            statement = sql.SQL(_UPSERT).format(table=sql.Identifier(table), values=values)
            with executed(statement, parameters):
                pass

    def set_searchable(self, *, table: str, asset_ids: Sequence[UUID], searchable: bool) -> int:
        """One statement; see ``VectorBackend``."""
        statement = sql.SQL("UPDATE {} SET searchable = %s WHERE asset_id = ANY(%b)")
        with executed(
            statement.format(sql.Identifier(table)), [searchable, list(asset_ids)]
        ) as cursor:
            return cursor.rowcount

    def delete(self, *, table: str, asset_ids: Sequence[UUID]) -> int:
        """One statement; see ``VectorBackend``."""
        statement = sql.SQL("DELETE FROM {} WHERE asset_id = ANY(%b)")
        with executed(statement.format(sql.Identifier(table)), [list(asset_ids)]) as cursor:
            return cursor.rowcount

    def delete_segments(self, *, table: str, segment_ids: Sequence[int]) -> int:
        """One statement; see ``VectorBackend``."""
        statement = sql.SQL("DELETE FROM {} WHERE segment_id = ANY(%b)")
        with executed(statement.format(sql.Identifier(table)), [list(segment_ids)]) as cursor:
            return cursor.rowcount

    def listed(self, *, table: str, after: int, to: int | None = None) -> list[StoredRow]:
        """One statement; see ``VectorBackend``."""
        statement = sql.SQL(
            "SELECT segment_id, asset_id, collection_id, modality, searchable FROM {} "
            "WHERE segment_id > %s AND segment_id <= %s ORDER BY segment_id"
        )
        bounds = [after, _MOST_ID if to is None else to]
        with executed(statement.format(sql.Identifier(table)), bounds) as cursor:
            return [
                StoredRow(
                    segment_id=segment,
                    asset_id=asset,
                    collection_id=collection,
                    modality=modality,
                    searchable=searchable,
                )
                for segment, asset, collection, modality, searchable in cursor
            ]

    def count(self, *, table: str, collections: Sequence[UUID] | None = None) -> int:
        """One statement; see ``VectorBackend``."""
        statement: sql.Composed = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        parameters: list[Any] = []
        if collections is not None:
            statement = statement + sql.SQL(" WHERE shard = ANY(%b) AND collection_id = ANY(%b)")
            parameters = [shards_of(collections), list(collections)]
        with executed(statement, parameters) as cursor:
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def fetch(self, *, table: str, asset_id: UUID, modality: str = "") -> Vector:
        """One statement; see ``VectorBackend``."""
        statement = sql.SQL(
            "SELECT vec FROM {} WHERE asset_id = %s AND (%s = '' OR modality = %s) AND searchable "
            "ORDER BY segment_id"
        )
        values = [asset_id, modality, modality]
        with executed(statement.format(sql.Identifier(table)), values) as cursor:
            vectors = [row[0].to_numpy() for row in cursor]
        return np.asarray(vectors, dtype=np.float32) if vectors else np.zeros((0, 0), np.float32)


def _filters(
    where: AssetFilter, permitted: list[UUID], without_asset: UUID | None
) -> tuple[sql.SQL, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if without_asset is not None:
        parts.append("AND asset_id <> %s")
        values.append(without_asset)
    conditions: list[str] = []
    for condition, value in (
        ("captured_at >= %s", where.captured_after),
        ("captured_at < %s", where.captured_before),
        ("source = %s", where.source or None),
        ("metadata @> %s", Jsonb(where.metadata) if where.metadata else None),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if conditions:
        parts.append(
            "AND asset_id IN (SELECT id FROM retrieval_asset WHERE collection_id = ANY(%b) AND "  # noqa: S608 - the conditions are the constants above
            + " AND ".join(conditions)
            + ")"
        )
        values.insert(len(values) - len(conditions), permitted)
    return sql.SQL(" ".join(parts)), values
