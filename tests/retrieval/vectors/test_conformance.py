"""What every vector store must do. The fake is held to it as strictly as the real one."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np
import pytest

from retrieval.vectors.base import AssetFilter
from retrieval.vectors.pgvector import PgvectorBackend
from tests.retrieval.vectors.conftest import rows_of, unit_vectors
from tests.retrieval.vectors.memory import MemoryBackend

pytestmark = pytest.mark.django_db

A, B = uuid.UUID(int=10), uuid.UUID(int=11)


@pytest.fixture(params=["pgvector", "memory"])
def backend(request, db, table, system):
    return PgvectorBackend() if request.param == "pgvector" else MemoryBackend()


def segments(found):
    return [neighbour.segment_id for neighbour in found]


def ask(backend, table, query, **changes):
    asked = {"collections": [A, B], "modalities": ["image"], "top_k": 5, **changes}
    return backend.search(table=table, query=query, **asked)


def test_nearest_come_first_as_brute_force_says(backend, table):
    vectors = unit_vectors(300)
    backend.upsert(table=table, rows=rows_of(vectors, collection=A))
    query = unit_vectors(1, seed=1)[0]
    found = ask(backend, table, query, top_k=20)
    exact = vectors @ query
    assert segments(found) == [int(n) + 1 for n in np.argsort(-exact)[:20]]
    # halfvec keeps 11 significant bits of each number.
    assert [n.similarity for n in found] == pytest.approx(np.sort(exact)[::-1][:20], abs=2e-3)


def test_rows_of_other_collections_are_never_found(backend, table):
    query = unit_vectors(1)[0]
    backend.upsert(table=table, rows=rows_of(unit_vectors(3, seed=2), collection=A))
    backend.upsert(table=table, rows=rows_of(np.stack([query] * 50), collection=B, first=100))
    found = ask(backend, table, query, collections=[A])
    assert sorted(segments(found)) == [1, 2, 3]
    assert ask(backend, table, query, collections=[]) == []
    assert ask(backend, table, query, collections=[uuid.UUID(int=99)]) == []


def test_hidden_rows_change_nothing_about_the_rest(backend, table):
    query = unit_vectors(1)[0]
    backend.upsert(table=table, rows=rows_of(unit_vectors(30, seed=2), collection=A))
    before = ask(backend, table, query, collections=[A])
    backend.upsert(table=table, rows=rows_of(np.stack([query] * 500), collection=B, first=100))
    assert ask(backend, table, query, collections=[A]) == before


def test_each_modality_gets_its_own_nearest(backend, table):
    query = unit_vectors(1)[0]
    backend.upsert(table=table, rows=rows_of(np.stack([query] * 9), collection=A))
    far = rows_of(unit_vectors(4, seed=3), collection=A, modality="audio", first=50)
    backend.upsert(table=table, rows=far)
    found = ask(backend, table, query, modalities=["audio", "image"], top_k=4)
    assert [n.modality for n in found] == ["audio"] * 4 + ["image"] * 4
    assert ask(backend, table, query, modalities=[]) == []


def test_what_is_not_searchable_is_not_found_until_it_is_again(backend, table):
    vectors = unit_vectors(2)
    backend.upsert(table=table, rows=rows_of(vectors, collection=A))
    asset = uuid.UUID(int=1)
    assert backend.set_searchable(table=table, asset_ids=[asset], searchable=False) == 1
    assert segments(ask(backend, table, vectors[0])) == [2]
    assert backend.fetch(table=table, asset_id=asset).shape[0] == 0
    backend.set_searchable(table=table, asset_ids=[asset], searchable=True)
    assert segments(ask(backend, table, vectors[0])) == [1, 2]


def test_stored_unsearchable_from_the_start(backend, table):
    vectors = unit_vectors(1)
    backend.upsert(table=table, rows=rows_of(vectors, collection=A), searchable=False)
    assert ask(backend, table, vectors[0]) == []
    assert backend.count(table=table) == 1


def test_storing_again_replaces(backend, table):
    first, second = unit_vectors(2)
    backend.upsert(table=table, rows=rows_of(first[None], collection=A))
    backend.upsert(table=table, rows=rows_of(second[None], collection=A))
    assert backend.count(table=table) == 1
    assert ask(backend, table, second)[0].similarity == pytest.approx(1, abs=2e-3)


def test_deleting_takes_all_vectors_of_an_asset(backend, table):
    backend.upsert(table=table, rows=rows_of(unit_vectors(3), collection=A))
    assert backend.delete(table=table, asset_ids=[uuid.UUID(int=2)]) == 1
    assert backend.delete(table=table, asset_ids=[uuid.UUID(int=2)]) == 0
    assert backend.count(table=table, collections=[A]) == 2
    assert backend.count(table=table, collections=[B]) == 0


def test_rows_are_listed_by_segment_hidden_ones_too(backend, table):
    backend.upsert(table=table, rows=rows_of(unit_vectors(3), collection=A))
    hidden = rows_of(unit_vectors(2), collection=B, first=10, modality="audio")
    backend.upsert(table=table, rows=hidden, searchable=False)
    assert [row.segment_id for row in backend.listed(table=table, after=0)] == [1, 2, 3, 10, 11]
    assert [row.segment_id for row in backend.listed(table=table, after=1, to=10)] == [2, 3, 10]
    (row,) = backend.listed(table=table, after=3, to=10)
    assert (row.asset_id, row.collection_id) == (hidden[0].asset_id, B)
    assert (row.modality, row.searchable) == ("audio", False)
    assert backend.listed(table=table, after=11) == []


def test_deleting_segments_leaves_the_rest_of_their_asset(backend, table):
    backend.upsert(table=table, rows=rows_of(unit_vectors(4), collection=A))
    assert backend.delete_segments(table=table, segment_ids=[2, 3, 99]) == 2
    assert backend.delete_segments(table=table, segment_ids=[]) == 0
    assert [row.segment_id for row in backend.listed(table=table, after=0)] == [1, 4]


def test_the_query_asset_can_be_left_out(backend, table):
    vectors = unit_vectors(4)
    backend.upsert(table=table, rows=rows_of(vectors, collection=A))
    found = ask(backend, table, vectors[0], without_asset=uuid.UUID(int=1))
    assert sorted(segments(found)) == [2, 3, 4]


def test_a_filter_that_nothing_satisfies_finds_nothing(backend, table):
    vectors = unit_vectors(2)
    backend.upsert(table=table, rows=rows_of(vectors, collection=A))
    assert ask(backend, table, vectors[0], where=AssetFilter(source="nowhere")) == []


def test_vectors_of_an_asset_come_back_as_they_were_stored(backend, table):
    vectors = unit_vectors(3)
    backend.upsert(table=table, rows=rows_of(vectors, collection=A))
    fetched = backend.fetch(table=table, asset_id=uuid.UUID(int=2))
    assert fetched.dtype == np.float32
    assert fetched == pytest.approx(vectors[1:2], abs=1e-3)


def test_vectors_of_one_modality_of_an_asset_come_back_alone(backend, table):
    vectors = unit_vectors(2)
    sound, words = rows_of(vectors, collection=A)
    rows = [
        replace(sound, modality="audio"),
        replace(words, asset_id=sound.asset_id, modality="text"),
    ]
    backend.upsert(table=table, rows=rows)
    both = backend.fetch(table=table, asset_id=sound.asset_id)
    assert both == pytest.approx(vectors, abs=1e-3)
    said = backend.fetch(table=table, asset_id=sound.asset_id, modality="text")
    assert said == pytest.approx(vectors[1:], abs=1e-3)


@pytest.mark.parametrize(
    "query",
    [
        np.zeros(16, np.float32),
        np.full(16, np.nan, np.float32),
        np.full(16, np.inf, np.float32),
        np.ones(16, np.float32),
        np.zeros((1, 16), np.float32),
    ],
    ids=["zero", "nan", "infinite", "long", "rank 2"],
)
def test_what_is_not_a_unit_vector_is_refused(backend, table, query):
    with pytest.raises(ValueError, match="expected"):
        ask(backend, table, query)
