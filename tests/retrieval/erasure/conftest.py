"""A subject with an asset of which every store holds something."""

from __future__ import annotations

import uuid

import pytest
from django.core.cache import cache
from django.utils import timezone

from audit import actors, signing
from audit.keystore import default_keystore
from audit.subject_models import ConsentRecord
from deploy.paths import Paths
from retrieval import scope
from retrieval.services.erasing_queries import _asked
from retrieval.vectors import ddl
from tests.factories import make_asset, make_collection, make_model, make_user
from tests.retrieval.erasure.scenery import fill, held_identifier, link, make_subject


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    """A data directory of the test's own, with keys of its own."""
    settings.PATHS = Paths(tmp_path)
    settings.VITRINE_SECOND_PERSON = ("erasure", "hold_release", "disclosure")
    default_keystore.cache_clear()
    actors._known.clear()
    _asked.clear()
    cache.clear()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def table(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        ddl.create_table(table="vectors_erasure_test", dimension=8)
    return "vectors_erasure_test"


@pytest.fixture
def model(db, table):
    return make_model(table=table, name="fake")


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the broker: (task, argument)."""
    from celery import current_app

    messages = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda name, args=(), **_: messages.append((name.rsplit(".")[-1], *args)),
    )
    return messages


@pytest.fixture
def governor(db):
    return make_user("governor", is_governor=True)


@pytest.fixture
def second(db):
    return make_user("second", is_governor=True)


@pytest.fixture
def collection(db):
    return make_collection()


@pytest.fixture
def subject(db):
    return make_subject()


@pytest.fixture
def asset(collection, subject, model, table, governor, django_db_blocker):
    """Linked with ``subject``, with a consent, and something in every store."""
    made = make_asset(
        collection, raw=b"original", rendition=b"redacted", thumbnail=b"small",
        segments=("first words", "second words"), title="Bears",
    )  # fmt: skip
    ddl.create_table(table=f"{table}_2", dimension=8)
    link(held_identifier(made), subject)
    with scope.system():
        ConsentRecord.objects.create(
            subject=subject.id, series=uuid.uuid4(), purposes=["search"], legal_basis="consent",
            notice_ref="notice 7", given_tick=1, recorded_at=timezone.now(),
        )  # fmt: skip
    return fill(made, table, governor)


@pytest.fixture(autouse=True)
def _own_signing_keys(monkeypatch):
    monkeypatch.setattr(signing, "default_keystore", default_keystore)
