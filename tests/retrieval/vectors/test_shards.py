"""A collection gets a shard of its own and loses it again, searched and written all the time."""

from __future__ import annotations

import threading
import uuid

import numpy as np
import psycopg
import pytest
from django.db import connection

from accounts.models import User
from retrieval import scope
from retrieval.lexical import store as lexical
from retrieval.lexical.store import LexicalRow
from retrieval.lexical.words import Lexemes
from retrieval.models import Asset, Collection, Grant, ModelVersion, Role, Space, VectorTable
from retrieval.services.vectors import shards as service
from retrieval.services.vectors.upkeep import upkeep_due, upkeep_run
from retrieval.vector_models import CollectionShard
from retrieval.vectors import beside, ddl, own_ddl, shard_map, tuning
from retrieval.vectors.pgvector import PgvectorBackend
from retrieval.vectors.tuning import Tuning
from tests.retrieval.vectors.conftest import rows_of, unit_vectors

pytestmark = pytest.mark.django_db(transaction=True)
backend = PgvectorBackend()
MOVED = "vectors_moved"
State = CollectionShard.State


@pytest.fixture
def moved(monkeypatch):
    """A catalogued table with one collection of 60 rows beside another of 10; small thresholds."""
    monkeypatch.setattr(service, "INDEX_FROM_ROWS", 20)
    monkeypatch.setattr(shard_map, "LEFT_SECONDS", 0.0)
    monkeypatch.setattr("retrieval.vectors.moving._BATCH", 25)
    monkeypatch.setattr(tuning, "current", lambda: Tuning(own_rows=50, listed_assets=5))
    ddl.create_table(table=MOVED, dimension=16)
    with scope.system():
        space = Space.objects.create(name="moved", dimension=16)
        version = ModelVersion.objects.create(
            name="moved", version="1", space=space, modalities=["image"], manifest={}
        )
        VectorTable.objects.create(model_version=version, table=MOVED, dimension=16, shards=1)
        large, small = (Collection.objects.create(name=name) for name in ("large", "small"))
        backend.upsert(table=MOVED, rows=rows_of(unit_vectors(60), collection=large.id))
        backend.upsert(
            table=MOVED, rows=rows_of(unit_vectors(10, seed=4), collection=small.id, first=500)
        )
    shard_map.forget()
    yield large.id, small.id
    shard_map.forget()
    with ddl.owner_connection(autocommit=True) as conn:
        for shard in _shards():
            for table in own_ddl.sharded_tables(conn):
                own_ddl.partition_drop(conn, table=table, shard=shard)
    ddl.drop_table(table=MOVED)


def _shards():
    with scope.system():
        return list(CollectionShard.objects.values_list("shard", flat=True))


def found(collections, *, seed=9, top_k=15, **changes):
    with scope.system():
        near = backend.search(
            table=MOVED,
            query=unit_vectors(1, seed=seed)[0],
            collections=collections,
            modalities=["image"],
            top_k=top_k,
            **changes,
        )
    return [n.segment_id for n in near]


def places():
    """By segment: the partitions that hold it."""
    with scope.system(), connection.cursor() as cursor:
        cursor.execute("SELECT segment_id, array_agg(shard) FROM vectors_moved GROUP BY 1")
        return dict(cursor.fetchall())


def state_of(collection):
    with scope.system():
        return CollectionShard.objects.get(collection_id=collection).state


def test_a_grown_collection_gets_its_own_shard_and_the_same_answers(moved):
    large, small = moved
    before = {seed: found([large, small], seed=seed) for seed in range(9, 14)}
    assert upkeep_due()
    assert upkeep_run()
    assert state_of(large) == State.READY
    assert {seed: found([large, small], seed=seed) for seed in before} == before
    assert {tuple(held) for segment, held in places().items() if segment <= 60} == {(1000,)}
    assert {tuple(held) for segment, held in places().items() if segment >= 500} == {(0,)}
    with ddl.owner_connection() as conn:
        [index] = own_ddl.indexes_of(conn, table=MOVED, shard=1000)
    assert index.valid
    assert not upkeep_due()
    assert not upkeep_run()


def test_each_row_is_found_once_at_every_moment_of_a_move(moved):
    large, small = moved
    before = found([large, small], top_k=70)
    seen = []

    def look(_):
        seen.append(found([large, small], top_k=70))
        held = places()
        assert {len(shards) for shards in held.values()} == {1}
        seen.append(sorted({shards[0] for segment, shards in held.items() if segment <= 60}))

    upkeep_run(say=look)
    assert [0, 1000] in seen, "no search ran between two batches"
    assert all(one == before for one in seen[::2])
    seen.clear()
    with scope.system():
        Collection.objects.filter(id=large).delete()
    upkeep_run(say=look)
    assert [0, 1000] in seen
    assert all(one == before for one in seen[::2])
    assert _shards() == []


def test_a_search_that_goes_by_an_old_map_looks_again(moved):
    large, small = moved
    before = found([large, small], top_k=70)
    old = shard_map.current()
    upkeep_run()
    new = shard_map.refreshed()
    assert old.stamp != new.stamp
    known = shard_map._known
    name = connection.settings_dict["NAME"]
    known[name] = shard_map._Known(map=old, shared={}, read_at=known[name].read_at)
    assert found([large, small], top_k=70) == before
    assert shard_map.current() == new


def test_writes_and_withdrawals_reach_rows_in_their_own_shard(moved):
    large, _ = moved
    upkeep_run()
    query = unit_vectors(1, seed=9)[0]
    with scope.system():
        backend.upsert(table=MOVED, rows=rows_of(query[None], collection=large, first=7))
    assert found([large], top_k=1) == [7]
    assert len(places()[7]) == 1
    asset = uuid.UUID(int=7)
    with scope.system():
        assert backend.set_searchable(table=MOVED, asset_ids=[asset], searchable=False) == 1
    assert 7 not in found([large], top_k=60)
    with scope.system():
        assert backend.delete(table=MOVED, asset_ids=[asset]) == 1
        assert backend.count(table=MOVED, collections=[large]) == 59
    assert len(found([large], top_k=60)) == 59  # as many as there are, though an index was asked


def test_a_row_written_while_its_collection_moves_stands_once(moved):
    large, _ = moved
    replaced = unit_vectors(60, seed=77)

    def write(_):
        with scope.system():
            backend.upsert(table=MOVED, rows=rows_of(replaced, collection=large))

    upkeep_run(say=write)
    held = places()
    assert {len(held[segment]) for segment in range(1, 61)} == {1}
    assert found([large], top_k=60) == [
        int(n) + 1 for n in np.argsort(-(replaced @ unit_vectors(1, seed=9)[0]))
    ]


def test_a_killed_build_is_found_and_made_again(moved):
    large, _ = moved
    upkeep_run()
    name = own_ddl.index_name(MOVED, 1000, "image", "hnsw")
    # What a killed build leaves: an index that is not valid. Only a superuser may write that, so
    # the build is made to fail by a lock instead.
    with ddl.owner_connection(autocommit=True) as conn, ddl.owner_connection() as other:
        conn.execute(f"DROP INDEX {name}")
        other.execute(f"LOCK TABLE {MOVED}_c1000 IN ROW EXCLUSIVE MODE")
        conn.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            own_ddl.index_build(
                conn, table=MOVED, shard=1000, modality="image", kind="hnsw", rows=60
            )
    with ddl.owner_connection() as conn:
        assert [i.valid for i in own_ddl.indexes_of(conn, table=MOVED, shard=1000)] == [False]
    assert len(found([large], top_k=60)) == 60
    assert upkeep_due()
    assert upkeep_run()
    with ddl.owner_connection() as conn:
        assert [i.valid for i in own_ddl.indexes_of(conn, table=MOVED, shard=1000)] == [True]
    assert large


def test_signs_find_what_whole_vectors_rank(moved):
    large, small = moved
    before = found([large, small], top_k=5)
    with ddl.owner_connection(autocommit=True) as conn:
        service.shard_begin(conn, collection_id=large, index="binary", asked=True)
    upkeep_run()
    with ddl.owner_connection() as conn:
        [index] = own_ddl.indexes_of(conn, table=MOVED, shard=1000)
    assert index.name.startswith("ann_1000_image_binary")
    again = found([large, small], top_k=5)
    assert again[0] == before[0]
    assert len(found([large], top_k=60)) == 60


def test_a_search_in_two_halves_finds_what_one_statement_finds(moved, monkeypatch):
    large, small = moved
    upkeep_run()
    whole = found([large, small], top_k=70)
    monkeypatch.setattr("retrieval.vectors.router._WORTH_HALVING_MS", 0.0)
    monkeypatch.setattr("retrieval.vectors.router._WORTH_HALF_MS", 0.0)
    started = []
    start = beside.start

    def noted(work):
        started.append(work)
        return start(work)

    monkeypatch.setattr(beside, "start", noted)
    assert found([large, small], top_k=70) == whole
    assert started
    reader = User.objects.create_user("reader")
    with scope.system():
        Grant.objects.create(collection_id=small, user=reader, role=Role.SEARCHER)
    asked = {"collections": [large, small], "modalities": ["image"], "top_k": 70}
    with scope.user(reader.pk):
        near = backend.search(table=MOVED, query=unit_vectors(1)[0], **asked)
    assert {n.collection_id for n in near} == {small}, "the second connection is nobody's else"
    monkeypatch.setattr(beside, "_free", threading.Semaphore(0))  # the helper is busy
    assert found([large, small], top_k=70) == whole


def test_a_new_table_takes_rows_of_collections_with_a_shard_of_their_own(moved):
    large, _ = moved
    upkeep_run()
    newer = "vectors_newer"
    ddl.create_table(table=newer, dimension=16)
    try:
        with scope.system():
            backend.upsert(table=newer, rows=rows_of(unit_vectors(3), collection=large))
            assert backend.count(table=newer, collections=[large]) == 3
    finally:
        ddl.drop_table(table=newer)


def test_words_move_with_the_vectors(moved):
    large, _ = moved
    with scope.system():
        asset = Asset.objects.create(collection_id=large, digest=b"1", size_bytes=1)
        row = LexicalRow(segment_id=1, modality="text", lexemes=Lexemes(words=("heron",), codes=()))
        lexical.rows_write(asset_id=asset.id, collection_id=large, language="en", rows=[row])
    upkeep_run()
    assert words_of(asset) == [(1, 1000)]
    with scope.system():
        assert lexical.assets_show(asset_ids=[asset.id], searchable=False) == 1
        Collection.objects.filter(id=large).delete()
    upkeep_run()
    assert words_of(asset) == [(1, 0)]  # back in the shared shard, like the vectors


def words_of(asset):
    with scope.system(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT segment_id, shard FROM retrieval_lexical WHERE asset_id = %s", [asset.id]
        )
        return cursor.fetchall()
