"""Metadata filters, the usual other way to ask, and an index after much has changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from psycopg import sql

from audit.ids import Ids
from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.search import vectors_store as store
from deploy.benchmarks.search.vectors_build import SHELVES, SOURCES, Made
from deploy.benchmarks.search.vectors_cells import RECALL, TOP_K, Filter, Mask, Scan, recall
from deploy.benchmarks.search.vectors_data import corpus
from retrieval import scope
from retrieval.models import Collection
from retrieval.vector_models import CollectionShard
from retrieval.vectors import ddl, own_ddl, shard_map
from retrieval.vectors.base import AssetFilter, VectorRequest, VectorRow
from retrieval.vectors.pgvector import PgvectorBackend
from retrieval.vectors.raw import half

_FASTER = 20.0
_START = datetime(2020, 1, 1, tzinfo=UTC)
_CHURN_ROWS, _CHURN_SHARE, _CHURN_QUERIES = 40_000, 0.3, 100
_CHURN_RECALL = 0.005


@dataclass(frozen=True)
class Asked:
    """A metadata filter and the rows it lets through."""

    name: str
    where: AssetFilter
    passes: Mask


def metadata_filters(made: Made) -> list[Asked]:
    """By moment (half, a hundredth, a thousandth), by source (a tenth), by metadata (a 100th)."""
    count = len(made.vectors)
    number = np.arange(1, count + 1)
    asked = [
        Asked(
            name=f"captured in the last {100 * share:g} %",
            where=AssetFilter(captured_after=_START + timedelta(minutes=int(count * (1 - share)))),
            passes=number >= int(count * (1 - share)),
        )
        for share in (0.5, 0.01, 0.001)
    ]
    source, shelf = 3, 7
    asked.append(
        Asked(
            name=f"source, {100 / SOURCES:g} %",
            where=AssetFilter(source=f"source {source}"),
            passes=number % SOURCES == source,
        )
    )
    asked.append(
        Asked(
            name=f"metadata, {100 / SHELVES:g} %",
            where=AssetFilter(metadata={"shelf": shelf}),
            passes=number % SHELVES == shelf,
        )
    )
    return asked


def metadata_figures(made: Made, scan: Scan, user: UUID, queries: list[int]) -> list[Figure]:
    """Recall and time of each metadata filter, with every collection permitted."""
    backend = PgvectorBackend()
    found: list[Figure] = []
    for asked in metadata_filters(made):
        seconds, recalls, short = [], [], 0
        for query in queries:
            near = scan.run(made.queries[query])
            request = VectorRequest(
                table=made.table,
                query=made.queries[query],
                collections=Ids.of(made.ids),
                modalities=[store.MODALITY],
                top_k=TOP_K,
                where=asked.where,
            )
            with scope.user(user):
                started = time.perf_counter()
                [rows] = backend.search_many([request])
                seconds.append(time.perf_counter() - started)
            ids = np.asarray([n.segment_id - 1 for n in rows], dtype=np.int64)
            recalls.append(recall(near, asked.passes, ids))
            short += len(rows) < min(TOP_K, int(asked.passes.sum()))
        name = f"{made.dimension} {asked.name}"
        found += [
            Figure(f"{name} recall@10", float(np.mean(recalls)), "", RECALL, at_least=True),
            Figure(f"{name} fewer than k", short, "", 0),
            Figure(f"{name} p95", 1000 * percentile(seconds, 0.95), "ms"),
            Figure(
                f"{name} p95/F",
                percentile(seconds, 0.95) / scan.median,
                "",
                divided_by="F, the torch scan of everything",
            ),
        ]
    return found


def usual_figures(
    folder: Path, made: Made, given: list[Filter], ours: dict[tuple[str, float], float]
) -> list[Figure]:
    """``ORDER BY vec <=> q, id`` over a join on permissions, against ours (seconds, medians).

    The same rows, as a superuser, so that row-level security costs the other way nothing.
    """
    statement = sql.SQL(
        "SELECT v.segment_id FROM {} v JOIN permitted p ON p.id = v.collection_id "
        "WHERE v.modality = %b AND v.searchable ORDER BY v.vec <=> %b, v.segment_id LIMIT {}"
    ).format(sql.Identifier(made.table), sql.Literal(TOP_K))
    found: list[Figure] = []
    with store.superuser(folder) as conn:
        from pgvector.psycopg import register_vector

        register_vector(conn)
        conn.execute("CREATE TEMPORARY TABLE permitted (id uuid PRIMARY KEY)")
        for share in (1.0, 0.5, 0.1):
            seconds = []
            for one in [f for f in given if f.kind == "random" and f.share == share][:3]:
                conn.execute("TRUNCATE permitted")
                with conn.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO permitted VALUES (%s)",
                        [(made.ids[number],) for number in one.collections],
                    )
                conn.execute("ANALYZE permitted")
                values = [store.MODALITY, half(made.queries[one.query])]
                started = time.perf_counter()
                conn.execute(statement, values, binary=True).fetchall()
                seconds.append(time.perf_counter() - started)
            slow = float(np.median(seconds))
            found.append(
                Figure(
                    f"{made.dimension} usual way / ours, {100 * share:g} %",
                    slow / ours["random", share],
                    "x",
                    _FASTER if share == 1.0 else None,
                    divided_by=f"our median; the usual way took {1000 * slow:.0f} ms",
                    at_least=True,
                )
            )
    return found


def churn_figures(folder: Path, *, dimension: int) -> list[Figure]:
    """Recall after 30 % of a shard's rows were deleted and as many came, and of a fresh index."""
    table = f"vectors_churn_{dimension}"
    given = corpus(
        rows=round(_CHURN_ROWS * (1 + _CHURN_SHARE)),
        dimension=dimension,
        queries=_CHURN_QUERIES,
        seed=8,
    )
    moved = round(_CHURN_ROWS * _CHURN_SHARE)
    with scope.system():
        collection = Collection.objects.create(name="churn")
        shard = 2000 + dimension
        CollectionShard.objects.create(collection_id=collection.id, shard=shard, state="ready")
    ddl.drop_table(table=table)
    ddl.create_table(table=table, dimension=dimension)

    def rows(first: int, last: int) -> list[VectorRow]:
        return [
            VectorRow(
                segment_id=number + 1,
                asset_id=store.asset_id(number),
                collection_id=collection.id,
                modality=store.MODALITY,
                vector=given.vectors[number],
            )
            for number in range(first, last)
        ]

    def index(conn_rows: int) -> None:
        with ddl.owner_connection(autocommit=True) as conn:
            own_ddl.indexes_drop(conn, table=table, shard=shard, but=set())
            own_ddl.index_build(
                conn,
                table=table,
                shard=shard,
                modality=store.MODALITY,
                kind="hnsw",
                rows=conn_rows,
            )

    def recalled(first: int, last: int) -> float:
        values = []
        for query in given.queries:
            near = given.vectors @ query
            mask = np.zeros(len(near), dtype=bool)
            mask[first:last] = True
            with scope.system():
                found = backend.search(
                    table=table,
                    query=query,
                    collections=[collection.id],
                    modalities=[store.MODALITY],
                    top_k=TOP_K,
                )
            ids = np.asarray([n.segment_id - 1 for n in found], dtype=np.int64)
            values.append(recall(near, mask, ids))
        return float(np.mean(values))

    backend = PgvectorBackend()
    try:
        with ddl.owner_connection() as conn:
            own_ddl.partition_make(conn, table=table, shard=shard, collection=collection.id)
        shard_map.forget()
        with scope.system():
            backend.upsert(table=table, rows=rows(0, _CHURN_ROWS))
        index(_CHURN_ROWS)
        with scope.system():
            backend.delete_segments(table=table, segment_ids=list(range(1, moved + 1)))
            backend.upsert(table=table, rows=rows(_CHURN_ROWS, _CHURN_ROWS + moved))
        last = _CHURN_ROWS + moved
        before_vacuum = recalled(moved, last)
        with store.superuser(folder) as conn:
            conn.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
        changed = recalled(moved, last)
        index(_CHURN_ROWS)
        fresh = recalled(moved, last)
    finally:
        ddl.drop_table(table=table)
        with scope.system():
            CollectionShard.objects.filter(collection_id=collection.id).delete()
            collection.delete()
    name = f"{dimension} after 30 % churn"
    return [
        Figure(f"{name} recall@10", changed, ""),
        Figure(f"{name}, before vacuum", before_vacuum, ""),
        Figure(f"{name}, fresh index", fresh, ""),
        Figure(f"{name} recall lost", fresh - changed, "", _CHURN_RECALL),
    ]
