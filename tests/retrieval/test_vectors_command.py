"""``manage.py vectors``: what it says, and that it does what the services do."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from retrieval import scope
from retrieval.models import Collection
from retrieval.services.vectors.calibration import vectors_calibrate
from retrieval.vector_models import CollectionShard, VectorTuning
from retrieval.vectors import ddl, measuring, own_ddl, shard_map, tuning

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch):
    monkeypatch.setattr(shard_map, "LEFT_SECONDS", 0.0)
    monkeypatch.setattr("retrieval.services.vectors.upkeep.LEFT_SECONDS", 0.0)
    shard_map.forget()
    tuning.forget()
    yield
    shard_map.forget()
    tuning.forget()


def test_a_collection_is_given_a_shard_and_loses_it(capsys):
    with scope.system():
        collection = Collection.objects.create(name="paintings")
    call_command("vectors", "dedicate", "paintings", index="binary")
    capsys.readouterr()
    call_command("vectors", "status", "--json")
    status = json.loads(capsys.readouterr().out)
    [shard] = status["shards"]
    assert shard["collection_id"] == str(collection.id)
    assert (shard["state"], shard["index"]) == ("ready", "binary")
    assert status["faults"] == []
    call_command("vectors", "share", str(collection.id))
    with scope.system():
        assert not CollectionShard.objects.exists()
    with ddl.owner_connection() as conn:
        for table in own_ddl.sharded_tables(conn):
            assert not own_ddl.partition_there(conn, table=table, shard=shard["shard"])


def test_what_is_not_there_is_said():
    for arguments in (["dedicate", "nothing"], ["share", "00000000-0000-0000-0000-000000000001"]):
        with pytest.raises(CommandError, match=r"no such collection|no shard of its own"):
            call_command("vectors", *arguments)


def test_thresholds_are_measured_once_and_again_when_asked(monkeypatch):
    monkeypatch.setattr(measuring, "ROWS", 200)
    assert tuning.current() == tuning.DEFAULT
    first = vectors_calibrate(again=False)
    assert first.at is not None
    assert 5_000 <= first.own_rows <= 100_000
    assert vectors_calibrate(again=False) == first
    assert vectors_calibrate().at > first.at
    assert VectorTuning.objects.count() == 1
    assert tuning.current().exact_us > 0
