"""Plans of the application's role: indexes where they are meant, and nothing out of line."""

from __future__ import annotations

import json
import uuid

import numpy as np
import pytest
from django.db import connection
from psycopg import sql

from accounts.models import User
from retrieval import scope
from retrieval.models import Asset, Collection, Grant, Role
from retrieval.vector_models import CollectionShard
from retrieval.vectors import ddl, own_ddl, raw, searching, shard_map
from retrieval.vectors.base import AssetFilter, VectorRequest
from retrieval.vectors.pgvector import PgvectorBackend
from tests.retrieval.vectors.conftest import rows_of, unit_vectors

pytestmark = pytest.mark.django_db(transaction=True)
backend = PgvectorBackend()
PLANNED = "vectors_planned"
LARGE_ROWS, SMALL, SMALL_ROWS = 1200, 40, 15


@pytest.fixture
def planned():
    """A reader of a large collection with an index and of 40 small ones; 40 more are others'."""
    ddl.create_table(table=PLANNED, dimension=16)
    reader = User.objects.create_user("reader")
    with scope.system():
        large = Collection.objects.create(name="large")
        small = [Collection.objects.create(name=f"small {n}") for n in range(2 * SMALL)]
        mine = [large, *small[:SMALL]]
        Grant.objects.bulk_create(
            Grant(collection=one, user=reader, role=Role.SEARCHER) for one in mine
        )
        CollectionShard.objects.create(
            collection_id=large.id, shard=1000, state=CollectionShard.State.READY
        )
    with ddl.owner_connection() as conn:
        own_ddl.partition_make(conn, table=PLANNED, shard=1000, collection=large.id)
    shard_map.forget()
    with scope.system():
        backend.upsert(
            table=PLANNED, rows=rows_of(unit_vectors(LARGE_ROWS), collection=large.id, first=1)
        )
        for number, one in enumerate(small):
            vectors = unit_vectors(SMALL_ROWS, seed=number + 1)
            first = 10_000 + SMALL_ROWS * number
            backend.upsert(table=PLANNED, rows=rows_of(vectors, collection=one.id, first=first))
    with ddl.owner_connection(autocommit=True) as conn:
        own_ddl.index_build(
            conn, table=PLANNED, shard=1000, modality="image", kind="hnsw", rows=LARGE_ROWS
        )
        conn.execute(f"ANALYZE {PLANNED}")
    yield reader, [one.id for one in mine], [one.id for one in small[SMALL:]]
    ddl.drop_table(table=PLANNED)
    shard_map.forget()


def request_of(collections, **changes):
    asked = {"modalities": ["image"], "top_k": 10, **changes}
    return VectorRequest(
        table=PLANNED, query=unit_vectors(1, seed=99)[0], collections=collections, **asked
    )


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def plans(reader, request, monkeypatch):
    """The plan nodes of every statement of one search that reads vectors, as its reader."""
    found = []
    executed = raw.executed

    def noted(statement, parameters):
        if "<#>" in statement.as_string(connection.connection):
            explained = sql.SQL("EXPLAIN (FORMAT JSON) ") + statement
            with executed(explained, parameters) as cursor:
                plan = cursor.fetchone()[0]
            plan = json.loads(plan) if isinstance(plan, str) else plan
            found.append(list(nodes(plan[0]["Plan"])))
        return executed(statement, parameters)

    monkeypatch.setattr("retrieval.vectors.searching.executed", noted)
    with scope.user(reader.pk):
        backend.search_many([request])
    return found


def test_indexes_are_used_where_they_are_meant(planned, monkeypatch):
    reader, mine, others = planned
    # A ready shard: through its index, and nothing else is read.
    [statement] = plans(reader, request_of(mine[:1]), monkeypatch)
    index = own_ddl.index_name(PLANNED, 1000, "image", "hnsw")
    read = {n["Index Name"] for n in statement if "<#>" in str(n.get("Order By", ""))}
    assert read == {index}
    relations = {n["Relation Name"] for n in statement if "Relation Name" in n}
    assert {name for name in relations if name.startswith(PLANNED)} == {f"{PLANNED}_c1000"}
    assert not [n for n in statement if n["Node Type"] in {"Sort", "Seq Scan"}]
    # A few small collections: through the b-tree.
    [statement] = plans(reader, request_of(mine[1:4]), monkeypatch)
    kinds = {n["Node Type"] for n in statement if n.get("Relation Name", "").startswith(PLANNED)}
    assert "Seq Scan" not in kinds, kinds
    assert [n for n in statement if "collection_id_modality" in n.get("Index Name", "")]
    # All kinds of shards: one statement; what row-level security alone keeps out stays out.
    assert len(plans(reader, request_of(mine + others), monkeypatch)) == 1
    with scope.user(reader.pk):
        near = backend.search_many([request_of(mine + others, top_k=1500)])[0]
    assert {n.collection_id for n in near} == set(mine)


def test_a_shard_read_by_name_shows_nothing_to_others(planned):
    del planned
    partition = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(f"{PLANNED}_c1000"))
    stranger = User.objects.create_user("stranger")
    counts = []
    for reader in (scope.user(stranger.pk), scope.user(None), scope.system()):
        with reader, raw.executed(partition, []) as cursor:
            counts.append(cursor.fetchone()[0])
    with raw.executed(partition, []) as cursor:  # outside any scope
        counts.append(cursor.fetchone()[0])
    assert counts == [0, 0, LARGE_ROWS, 0]
    with connection.cursor() as cursor:  # vectors lie in the row, and leave no statistics
        cursor.execute(
            "SELECT a.attstorage, a.attstattarget, c.relrowsecurity, c.relforcerowsecurity, "
            "coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = %s AND a.attname = 'vec'",
            [f"{PLANNED}_c1000"],
        )
        assert cursor.fetchall() == [("p", 0, True, True, 0)]


def test_statements_are_as_many_for_one_collection_as_for_ten_thousand(
    planned, django_assert_num_queries, monkeypatch
):
    reader, mine, _ = planned
    monkeypatch.setattr(searching.beside, "possible", lambda: False)  # all on one connection
    many = [*mine, *(uuid.uuid4() for _ in range(10_000))]
    with scope.user(reader.pk):
        backend.search_many([request_of(mine[:1])])
        for collections in (mine[:1], mine, many):
            with django_assert_num_queries(2):
                backend.search_many([request_of(collections)])
        with django_assert_num_queries(2):  # two tables at once
            backend.search_many([request_of(mine), request_of(mine)])


def test_an_index_that_gives_too_few_is_helped_out(planned, monkeypatch):
    reader, mine, _ = planned

    def narrow(branches):
        if any(branch.approximate for branch in branches):
            with raw.executed(sql.SQL("SET LOCAL hnsw.ef_search = 10"), []):
                pass

    monkeypatch.setattr(searching, "_settings", narrow)  # no iterative scan, ten candidates
    with scope.user(reader.pk):
        [near] = backend.search_many([request_of(mine[:1], top_k=40)])
    assert {n.route for n in near} == {"fallback"}
    exact = unit_vectors(LARGE_ROWS) @ unit_vectors(1, seed=99)[0]
    assert [n.segment_id for n in near] == [int(n) + 1 for n in np.argsort(-exact)[:40]]


@pytest.mark.parametrize("listed", [0, 100_000], ids=["through the index", "listed"])
def test_filters_find_what_brute_force_finds_in_every_kind_of_shard(planned, monkeypatch, listed):
    reader, mine, _ = planned
    monkeypatch.setattr(
        searching.tuning, "current", lambda: searching.tuning.Tuning(listed_assets=listed)
    )
    held = {mine[0]: range(1, LARGE_ROWS + 1), mine[1]: range(10_000, 10_000 + SMALL_ROWS)}
    with scope.system():
        Asset.objects.bulk_create(
            Asset(
                id=uuid.UUID(int=segment),
                collection_id=collection,
                digest=segment.to_bytes(4),
                size_bytes=1,
                source="camera" if segment % 7 == 0 else "scanner",
            )
            for collection, segments in held.items()
            for segment in segments
        )
    where = AssetFilter(source="camera")
    with scope.user(reader.pk):
        [near] = backend.search_many([request_of(mine, where=where, top_k=20)])
    vectors = {n + 1: vector for n, vector in enumerate(unit_vectors(LARGE_ROWS))}
    vectors |= {10_000 + n: vector for n, vector in enumerate(unit_vectors(SMALL_ROWS, seed=1))}
    query = unit_vectors(1, seed=99)[0]
    exact = sorted(
        (segment for segment in vectors if segment % 7 == 0), key=lambda s: -(vectors[s] @ query)
    )
    assert [n.segment_id for n in near] == exact[:20]
