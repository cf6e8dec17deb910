"""The tables, their rows and their indexes, made once by the product's own functions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from django.contrib.auth.hashers import make_password
from psycopg import sql

from deploy.benchmarks.search import vectors_store as store
from deploy.benchmarks.search.vectors_data import DEDICATED, Corpus, Rows, corpus
from retrieval import scope
from retrieval.models import Collection, ModelVersion, Space, VectorTable
from retrieval.vector_models import CollectionShard
from retrieval.vectors import ddl, own_ddl, shard_map

QUERIES = 300
SOURCES = 10
SHELVES = 100


@dataclass(frozen=True)
class Made:
    """One table: its rows in memory as they lie there, and what building took."""

    table: str
    dimension: int
    vectors: Rows
    queries: Rows
    collection: npt.NDArray[np.int16]
    ids: list[UUID]
    seconds: dict[str, float]


def built(folder: Path, *, rows: int, dimension: int) -> Made:
    """The table of ``dimension``; made on the first call for ``folder``, read on later ones."""
    table = f"vectors_bench_{dimension}"
    arrays, rest = folder / f"rows-{dimension}.npy", folder / f"rest-{dimension}.npz"
    kept = store.Kept.read(folder / f"built-{dimension}.json")
    if kept is None:
        made = corpus(rows=rows, dimension=dimension, queries=QUERIES)
        np.save(arrays, made.vectors)
        np.savez(rest, collection=made.collection, queries=made.queries)
        kept = store.Kept(seconds=_load(folder, table, made))
        kept.write(folder / f"built-{dimension}.json")
    with np.load(rest) as read:
        collection, queries = read["collection"], read["queries"]
    ids = store.collection_ids(int(collection.max()) + 1)
    return Made(
        table=table,
        dimension=dimension,
        vectors=np.load(arrays),
        queries=queries,
        collection=collection,
        ids=ids,
        seconds=kept.seconds,
    )


def _load(folder: Path, table: str, made: Corpus) -> dict[str, float]:
    dimension = made.vectors.shape[1]
    count = int(made.collection.max()) + 1
    ids, shards = store.collection_ids(count), store.own_shards(count)
    ddl.create_table(table=table, dimension=dimension)
    _catalogue(table, dimension, ids, shards)
    with ddl.owner_connection() as conn:
        for number in range(len(DEDICATED)):
            own_ddl.partition_make(conn, table=table, shard=shards[number], collection=ids[number])
    with store.superuser(folder) as conn:
        order = np.random.default_rng(3).permutation(len(made.vectors))
        seconds = {
            "copy": store.rows_copy(
                conn, table=table, corpus=made, ids=ids, shards=shards, numbers=order
            )
        }
        assets_make(conn, table)
    with ddl.owner_connection(autocommit=True) as conn:
        for number in range(len(DEDICATED)):
            started = time.monotonic()
            own_ddl.index_build(
                conn,
                table=table,
                shard=shards[number],
                modality=store.MODALITY,
                kind="hnsw",
                rows=int((made.collection == number).sum()),
            )
            seconds[f"index {shards[number]}"] = time.monotonic() - started
    with store.superuser(folder) as conn:
        conn.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))
    with scope.system():
        CollectionShard.objects.update(state=CollectionShard.State.READY)
    shard_map.forget()
    return seconds


def _catalogue(table: str, dimension: int, ids: list[UUID], shards: list[int]) -> None:
    with scope.system():
        space = Space.objects.create(name=f"bench{dimension}", dimension=dimension)
        version = ModelVersion.objects.create(
            name=f"bench{dimension}",
            version="1",
            space=space,
            modalities=[store.MODALITY],
            manifest={},
        )
        VectorTable.objects.create(
            model_version=version, table=table, dimension=dimension, shards=1
        )
        if not Collection.objects.filter(id=ids[0]).exists():
            Collection.objects.bulk_create(
                [Collection(id=one, name=f"bench {n}") for n, one in enumerate(ids)]
            )
            CollectionShard.objects.bulk_create(
                [
                    CollectionShard(
                        collection_id=ids[number],
                        shard=shards[number],
                        state=CollectionShard.State.INDEXING,
                        asked=True,
                    )
                    for number in range(len(DEDICATED))
                ]
            )


def assets_make(conn: psycopg.Connection[Any], table: str) -> None:
    """An asset a row, with a moment, a source and metadata that say nothing about its vector.

    The row's number says them: minutes since 2020, number modulo 10, number modulo 100.
    """
    there = conn.execute("SELECT EXISTS (SELECT FROM retrieval_asset)").fetchone()
    if there is not None and there[0]:
        return
    conn.execute(
        sql.SQL(
            "INSERT INTO retrieval_asset (id, collection_id, state, reason, reason_detail, "
            "raw_state, modality, source_type, media_type, title, source, metadata, digest, "
            "size_bytes, redactions, profile_version, created_at, state_changed_at, claimed_by, "
            "attempts, language, captured_at) SELECT asset_id, collection_id, 'searchable', '', "
            "'', 'kept', modality, '', '', '', 'source ' || (segment_id %% {sources}), "
            "jsonb_build_object('shelf', segment_id %% {shelves}), uuid_send(asset_id), 1, '[]', "
            "'', now(), now(), '', 0, '', "
            "timestamptz '2020-01-01 00:00+00' + segment_id * interval '1 minute' FROM {table}"
        ).format(
            sources=sql.Literal(SOURCES),
            shelves=sql.Literal(SHELVES),
            table=sql.Identifier(table),
        ),
        [],
    )
    conn.execute("VACUUM ANALYZE retrieval_asset")


def readers_make(conn: psycopg.Connection[Any], sets: list[list[UUID]]) -> list[UUID]:
    """A user for each set of collections, with a grant for each of them; those before are gone."""
    conn.execute("DELETE FROM retrieval_grant")
    conn.execute("DELETE FROM accounts_user WHERE username LIKE 'bench %'")
    users = [UUID(int=(7 << 100) + number) for number in range(len(sets))]
    password = make_password(None)
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO accounts_user (id, password, is_superuser, username, first_name, "
            "last_name, email, is_staff, is_active, date_joined, may_create_collections, "
            "is_governor, is_operator, must_change_password) VALUES (%s, %s, false, %s, '', '', "
            "'', false, true, now(), false, false, false, false)",
            [(user, password, f"bench {number}") for number, user in enumerate(users)],
        )
        columns = "id, role, raw, created_at, collection_id, user_id"
        with cursor.copy(f"COPY retrieval_grant ({columns}) FROM STDIN") as copy:
            for number, (user, held) in enumerate(zip(users, sets, strict=True)):
                for place, collection in enumerate(held):
                    grant = UUID(int=(9 << 100) + (number << 32) + place)
                    copy.write_row((grant, "searcher", False, "2026-01-01", collection, user))
    conn.execute("VACUUM ANALYZE retrieval_grant")
    conn.execute("ANALYZE accounts_user")
    return users
