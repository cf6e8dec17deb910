"""What others hold changes nothing of an answer: not which hits, nor scores, order or counts."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from retrieval import clients, scope
from retrieval.models import Asset, CollectionShard, VectorTable
from retrieval.services.indexing import assets_unindex, words_index
from retrieval.services.vectors import shards as service
from retrieval.vectors import ddl, own_ddl, shard_map
from retrieval.vectors.shards import FIRST_OWN_SHARD
from tests.cast import client_of
from tests.factories import grant, make_collection, make_user
from tests.retrieval.search.conftest import MODALITIES, TABLE, World, catalogue

URL = "/api/v1/search/"
ASKED = [
    {"text": "bear"},
    {"text": "bear", "include_uncertain": True},
    {"text": "bear cub 4711", "include_uncertain": True, "top_k": 3},
    {"text": "4711", "include_uncertain": True, "modalities": ["text"]},
    {"text": "bear", "fusion": "rrf", "include_uncertain": True},
    {"text": "bear", "weights": {"fake": 0.5}, "include_uncertain": True},
    {"text": "bear", "filters": {"source": "the woods"}, "include_uncertain": True},
    {"text": "bear", "filters": {"metadata": {"year": 1999}}, "include_uncertain": True},
    {"asset": True, "include_uncertain": True, "top_k": 50},
    {"asset": True, "text": "cub", "include_uncertain": True},
    {"file": True, "include_uncertain": "true"},
]


@pytest.fixture
def world(transactional_db, fake_table, fake_calibration, monkeypatch):
    monkeypatch.setattr(service, "INDEX_FROM_ROWS", 10)
    monkeypatch.setattr(shard_map, "LEFT_SECONDS", 0.0)
    made = World()
    catalogue()
    shard_map.forget()
    with clients.override(models=made.models, redaction=made.redaction):
        yield made
    shard_map.forget()
    with ddl.owner_connection(autocommit=True) as conn:
        for table in (TABLE, "retrieval_lexical"):
            own_ddl.partition_drop(conn, table=table, shard=FIRST_OWN_SHARD)


def put(world, collection, number, *, near):
    """An asset of each modality in turn that is about a bear, in its vector and in its words."""
    asset = world.put(
        collection,
        world.vector("bear", near=near),
        modality=MODALITIES[number % 3],
        title=f"A bear cub 4711 number {number}",
        source="the woods",
        metadata={"year": 1999},
    )
    with scope.system():
        words_index(asset_id=asset.pk)
    return asset


def dedicate(collection):
    """The collection gets partitions of its own, and indexes where there are rows enough."""
    with ddl.owner_connection(autocommit=True) as conn:
        service.shard_begin(
            conn, collection_id=collection.pk, index=CollectionShard.Index.HNSW, asked=True
        )
        for _ in range(20):
            with scope.system():
                row = CollectionShard.objects.get(collection_id=collection.pk)
            if row.state == CollectionShard.State.READY:
                return
            service.shard_advance(conn, row, say=lambda *_: None)
    raise AssertionError(row.state)


def asked(client, body, asset):
    """The answer to a search, without its id and its time."""
    sent = dict(body)
    if sent.pop("asset", False):
        sent["asset"] = str(asset.pk)
    if sent.pop("file", False):
        sent["file"] = SimpleUploadedFile("bear.webp", b"IMG12345", content_type="image/webp")
        answer = client.post(URL, sent, format="multipart")
    else:
        answer = client.post(URL, sent)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    return json.dumps({k: v for k, v in told.items() if k not in {"search_id", "timing_ms"}})


def test_answers_are_the_same_with_others_rows_all_around_and_with_none(world):
    reader, mine = make_user("reader"), make_collection("mine")
    grant(mine, reader)
    assets = [put(world, mine, number, near=0.3 + 0.05 * number) for number in range(12)]
    theirs, alone = make_collection("theirs"), make_collection("alone")
    grant(theirs, make_user())
    hidden = [put(world, theirs, number, near=0.99) for number in range(60)]
    hidden += [put(world, alone, number, near=0.98) for number in range(30)]
    dedicate(alone)
    client = client_of(reader)
    full = [asked(client, body, assets[-1]) for body in ASKED]
    assert any(json.loads(one)["hits"] for one in full)
    assert not any(str(asset.pk) in one for one in full for asset in hidden)

    with scope.system():
        assets_unindex(asset_ids=[asset.pk for asset in hidden])
        Asset.objects.filter(pk__in=[asset.pk for asset in hidden]).delete()
    empty = [asked(client, body, assets[-1]) for body in ASKED]
    for body, one, other in zip(ASKED, full, empty, strict=True):
        assert one == other, body
    assert VectorTable.objects.count() == 1


def test_the_same_words_find_the_others_rows_for_whoever_may_see_them(world):
    """The control: what crowds round the reader's rows above is nearer to everything asked."""
    reader, mine, theirs = make_user("reader"), make_collection("mine"), make_collection("theirs")
    grant(mine, reader)
    grant(theirs, reader)
    put(world, mine, 0, near=0.5)
    nearer = put(world, theirs, 0, near=0.99)
    told = json.loads(asked(client_of(reader), ASKED[1], None))
    assert told["hits"][0]["asset"]["id"] == str(nearer.pk)
