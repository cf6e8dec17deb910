import pytest
from django.core.cache import cache as shared

from deploy.metrics import exposition
from retrieval import clients
from retrieval.services.search.cache import query_vectors
from tests.fakes import FakeModels, FakeRedaction

pytestmark = pytest.mark.django_db

HEALTH = {
    "status": "ok",
    "loaded": ["clip@1"],
    "queues": {"query": 0, "ingest": 7},
    "batches": {"query": 3, "ingest": 9},
    "items": {"query": 3, "ingest": 90},
    "answers": {"ok": 12, "busy": 1},
    "under_way": 2,
    "memory": {"resident": 1000, "proportional": 900},
    "models": {
        "clip@1": {"active": True, "resident_bytes": 605, "idle_seconds": 1.5, "waiting": 7}
    },
}


@pytest.fixture
def models(monkeypatch):
    fake = FakeModels()
    monkeypatch.setattr(fake, "health", lambda **_: HEALTH)
    with clients.override(redaction=FakeRedaction(), models=fake):
        yield fake


def test_the_model_server_is_counted(models):
    text = exposition()[0].decode()
    for line in (
        "vitrine_model_server_up 1.0",
        "vitrine_model_server_requests 2.0",
        'vitrine_model_server_waiting_items{lane="ingest"} 7.0',
        'vitrine_model_server_batches_total{lane="ingest"} 9.0',
        'vitrine_model_server_answers_total{outcome="busy"} 1.0',
        'vitrine_model_server_memory_bytes{kind="proportional"} 900.0',
        'vitrine_model_weight_bytes{model="clip@1"} 605.0',
        'vitrine_model_active{model="clip@1"} 1.0',
    ):
        assert line in text.splitlines()


def test_a_server_that_is_down_is_a_figure():
    down = FakeModels()
    down.down = True
    with clients.override(redaction=FakeRedaction(), models=down):
        text = exposition()[0].decode()
    assert "vitrine_model_server_up 0.0" in text
    assert "vitrine_collections" in text


def test_the_cache_counts_hits_and_misses(models):
    shared.clear()
    query_vectors.reset()
    query_vectors._count("hit")
    query_vectors._count("miss")
    query_vectors._count("hit")
    text = exposition()[0].decode()
    assert 'vitrine_query_cache_lookups_total{outcome="hit"} 2.0' in text
    assert 'vitrine_query_cache_lookups_total{outcome="miss"} 1.0' in text
