"""Vectors in the database that Django is connected to: searches, and the rows they find."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from psycopg import sql

from retrieval.vectors import shard_map
from retrieval.vectors.base import (
    NO_FILTER,
    AssetFilter,
    Neighbour,
    StoredRow,
    Vector,
    VectorRequest,
    VectorRow,
)
from retrieval.vectors.raw import executed
from retrieval.vectors.searching import answered
from retrieval.vectors.writing import rows_delete, rows_write, searchable_set

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
        """As many statements as ``search_many`` takes; see ``VectorBackend``."""
        request = VectorRequest(
            table=table,
            query=query,
            collections=collections,
            modalities=modalities,
            top_k=top_k,
            where=where,
            without_asset=without_asset,
        )
        return self.search_many([request])[0]

    def search_many(self, requests: Sequence[VectorRequest]) -> list[list[Neighbour]]:
        """One statement, however many collections, modalities and tables; see ``VectorBackend``.

        A second where an index is asked or much is compared (it sets how); one more for each
        request with a filter, and one where an index gave too few.
        """
        return answered(requests)

    def upsert(self, *, table: str, rows: Sequence[VectorRow], searchable: bool = True) -> None:
        """Five statements, and two more for every further thousand rows; see ``VectorBackend``."""
        rows_write(table=table, rows=rows, searchable=searchable)

    def set_searchable(self, *, table: str, asset_ids: Sequence[UUID], searchable: bool) -> int:
        """Two statements; see ``VectorBackend``."""
        return searchable_set(table=table, asset_ids=asset_ids, searchable=searchable)

    def delete(self, *, table: str, asset_ids: Sequence[UUID]) -> int:
        """Two statements; see ``VectorBackend``."""
        return rows_delete(table=table, column="asset_id", values=asset_ids)

    def delete_segments(self, *, table: str, segment_ids: Sequence[int]) -> int:
        """Two statements; see ``VectorBackend``."""
        return rows_delete(table=table, column="segment_id", values=segment_ids)

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
        parameters: list[list[int] | list[UUID]] = []
        if collections is not None:
            shards = shard_map.current().read_shards(
                collections, shards=shard_map.shared_shards(table)
            )
            statement = statement + sql.SQL(" WHERE shard = ANY(%b) AND collection_id = ANY(%b)")
            parameters = [shards, list(collections)]
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
