from __future__ import annotations

import pytest

from audit import actors
from audit.keystore import default_keystore
from deploy.paths import Paths
from retrieval import clients
from retrieval.vectors import ddl
from tests.fakes import FakeModels, FakeRedaction


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    """A data directory of the test's own, with keys of its own."""
    settings.PATHS = Paths(tmp_path)
    default_keystore.cache_clear()
    actors._known.clear()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def table(django_db_setup, django_db_blocker):
    """A vector table made by the owner before the test's transaction begins."""
    with django_db_blocker.unblock():
        ddl.create_table(table="vectors_ingest_test", dimension=8)
    return "vectors_ingest_test"


@pytest.fixture
def redaction():
    return FakeRedaction()


@pytest.fixture
def models():
    return FakeModels()


@pytest.fixture
def servers(redaction, models):
    with clients.override(redaction=redaction, models=models):
        yield redaction


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the broker: (task, asset id)."""
    from celery import current_app

    messages = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, args=(), **_: messages.append((name.rsplit(".")[-1], args[0])),
    )
    return messages
