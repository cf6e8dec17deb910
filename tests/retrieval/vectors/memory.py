"""A vector store in a dictionary, by brute force: what the real one is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

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


@dataclass
class _Stored:
    row: VectorRow
    searchable: bool


@dataclass
class MemoryBackend:
    """``passes`` says whether an asset satisfies a filter; the real store asks the asset table."""

    passes: Callable[[UUID, AssetFilter], bool] = lambda _, where: where.empty
    stored: dict[str, dict[int, _Stored]] = field(default_factory=dict)

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
        vector = checked(query)
        found: list[Neighbour] = []
        for modality in modalities:
            near = [
                Neighbour(
                    segment_id=row.segment_id,
                    asset_id=row.asset_id,
                    collection_id=row.collection_id,
                    modality=modality,
                    similarity=float(np.dot(row.vector, vector)),
                )
                for row in self._visible(table)
                if row.modality == modality
                and row.collection_id in set(collections)
                and row.asset_id != without_asset
                and (where.empty or self.passes(row.asset_id, where))
            ]
            found += sorted(near, key=lambda n: (-n.similarity, n.segment_id))[:top_k]
        return found

    def search_many(self, requests: Sequence[VectorRequest]) -> list[list[Neighbour]]:
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
        for row in rows:
            checked(row.vector)
            self.stored.setdefault(table, {})[row.segment_id] = _Stored(row, searchable)

    def set_searchable(self, *, table: str, asset_ids: Sequence[UUID], searchable: bool) -> int:
        of = [s for s in self.stored.get(table, {}).values() if s.row.asset_id in set(asset_ids)]
        for stored in of:
            stored.searchable = searchable
        return len(of)

    def delete(self, *, table: str, asset_ids: Sequence[UUID]) -> int:
        rows = self.stored.get(table, {})
        gone = [key for key, s in rows.items() if s.row.asset_id in set(asset_ids)]
        for key in gone:
            del rows[key]
        return len(gone)

    def delete_segments(self, *, table: str, segment_ids: Sequence[int]) -> int:
        rows = self.stored.get(table, {})
        return sum(rows.pop(segment, None) is not None for segment in set(segment_ids))

    def listed(self, *, table: str, after: int, to: int | None = None) -> list[StoredRow]:
        rows = self.stored.get(table, {})
        return [
            StoredRow(
                segment_id=segment,
                asset_id=rows[segment].row.asset_id,
                collection_id=rows[segment].row.collection_id,
                modality=rows[segment].row.modality,
                searchable=rows[segment].searchable,
            )
            for segment in sorted(rows)
            if after < segment and (to is None or segment <= to)
        ]

    def count(self, *, table: str, collections: Sequence[UUID] | None = None) -> int:
        rows = self.stored.get(table, {}).values()
        return sum(collections is None or s.row.collection_id in set(collections) for s in rows)

    def fetch(self, *, table: str, asset_id: UUID, modality: str = "") -> Vector:
        rows = sorted(self._visible(table), key=lambda row: row.segment_id)
        vectors = [
            row.vector
            for row in rows
            if row.asset_id == asset_id and modality in {"", row.modality}
        ]
        return np.asarray(vectors, np.float32) if vectors else np.zeros((0, 0), np.float32)

    def _visible(self, table: str) -> list[VectorRow]:
        return [s.row for s in self.stored.get(table, {}).values() if s.searchable]
