from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deploy import health
from retrieval import clients
from tests.cast import client_of, person
from tests.factories import make_asset, make_collection
from tests.fakes import FakeModels, FakeRedaction


@pytest.fixture
def cheap(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def test_alive_needs_nothing():
    answer = Client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_when_every_part_answers():
    with clients.override(redaction=FakeRedaction(), models=FakeModels()):
        answer = Client().get("/readyz")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "status": "ready",
        "parts": dict.fromkeys(
            ("database", "ledger", "broker", "model_server", "redaction_server"), "ok"
        ),
    }


@pytest.mark.django_db
def test_not_ready_says_which_part_and_no_more():
    redaction = FakeRedaction()
    redaction.down = True
    with clients.override(redaction=redaction, models=FakeModels()):
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts.pop("redaction_server") == "does not answer"
    assert set(parts.values()) == {"ok"}


@pytest.mark.django_db
def test_not_ready_while_nobody_chains_the_ledger(monkeypatch):
    from accounts import trail

    trail.note(event="auth:session:refuse", by=None)
    with clients.override(redaction=FakeRedaction(), models=FakeModels()):
        assert Client().get("/readyz").status_code == 200
        later = timezone.now() + timedelta(minutes=5)
        monkeypatch.setattr(health.timezone, "now", lambda: later)
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["ledger"] == "events wait to be chained"


def test_metrics_are_for_token_holders(cheap, settings):
    assert Client().get("/metrics").status_code == 401
    assert client_of(person("sara")).get("/metrics").status_code == 401
    assert (
        client_of(person("oscar", organisation_roles=["operator"])).get("/metrics").status_code
        == 200
    )
    bearer = {"HTTP_AUTHORIZATION": "Bearer s3cret-of-the-monitor"}
    assert Client().get("/metrics", **bearer).status_code == 401
    settings.VITRINE_METRICS_TOKEN = "s3cret-of-the-monitor"
    assert Client().get("/metrics", **bearer).status_code == 200
    assert Client().get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 401


def test_metrics_count_and_name_nothing(cheap, settings):
    settings.VITRINE_METRICS_TOKEN = "x"
    collection = make_collection("Secret photographs")
    make_asset(collection, title="Secret bear", segments=("one", "two"))
    text = Client().get("/metrics", HTTP_AUTHORIZATION="Bearer x").content.decode()
    assert 'vitrine_assets{state="searchable"} 1.0' in text
    assert "vitrine_segments 2.0" in text
    assert "vitrine_collections 1.0" in text
    assert "process_resident_memory_bytes" in text
    assert "Secret" not in text
