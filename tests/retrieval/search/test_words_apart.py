"""Words of a collection with a partition of its own: found by its index, under the same rules."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from retrieval import scope
from retrieval.lexical.sql import TABLE
from retrieval.models import Segment
from retrieval.services.indexing import words_index
from retrieval.vector_models import CollectionShard
from retrieval.vectors import own_ddl, shard_map
from tests.conftest import owner_connection
from tests.factories import grant, make_collection, make_user
from tests.retrieval.search.conftest import TABLE as VECTORS
from tests.retrieval.search.conftest import found

pytestmark = pytest.mark.django_db
SHARD = 31_999


@pytest.fixture
def apart(world):
    """A collection of its own shard, and its reader."""
    collection, reader = make_collection("apart"), make_user("reader apart")
    grant(collection, reader)
    with owner_connection() as conn:
        for table in (TABLE, VECTORS):
            own_ddl.partition_drop(conn, table=table, shard=SHARD)
            own_ddl.partition_make(conn, table=table, shard=SHARD, collection=collection.pk)
    with scope.system():
        CollectionShard.objects.create(collection_id=collection.pk, shard=SHARD, state="indexing")
    shard_map.forget()
    yield collection, reader
    shard_map.forget()


def written(world, collection, text):
    asset = world.put(collection, world.vector("far", near=0.0), modality="text")
    with scope.system():
        Segment.objects.filter(asset=asset).update(text=text)
        words_index(asset_id=asset.pk)
    return asset


def test_found_there_and_in_the_shared_place_alike(world, apart):
    collection, reader = apart
    shared = make_collection("shared")
    grant(shared, reader)
    here = written(world, collection, "The rooster crows on the roof")
    there = written(world, shared, "The rooster crows on the roof")
    for n in range(3):
        written(world, collection, f"The goose hisses {n}")
    assert set(found(world.ask(reader, "rooster crows"))) == {here.id, there.id}
    assert found(world.ask(reader, "rooster crows", collections=[collection.pk])) == [here.id]
    assert found(world.ask(make_user("outsider"), "rooster crows")) == []


def test_rows_lie_in_the_partition_and_its_index_answers(world, apart):
    collection, _ = apart
    written(world, collection, "The rooster crows")
    partition = own_ddl.partition_name(TABLE, SHARD)
    with scope.system(), connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text FROM {TABLE}")  # noqa: S608 - a constant
        assert cursor.fetchall() == [(partition,)]
    with owner_connection() as conn:
        conn.execute("SET enable_seqscan = off")
        plan = conn.execute(
            f"EXPLAIN SELECT * FROM {partition} WHERE words @@ 'rooster'::tsquery"  # noqa: S608 - a constant
        ).fetchall()
    assert any(f"{TABLE}_words_{SHARD}" in line for (line,) in plan), plan


def test_the_application_reads_no_partition_of_shared_words(world):
    refused = pytest.raises(ProgrammingError)
    with scope.system(), connection.cursor() as cursor, refused, transaction.atomic():
        cursor.execute(f"SELECT 1 FROM {TABLE}_s0")  # noqa: S608 - a constant
