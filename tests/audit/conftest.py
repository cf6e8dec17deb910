from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from audit import keystore, ledger


@pytest.fixture(autouse=True)
def keys(tmp_path_factory, monkeypatch):
    """A key store of its own for every test."""
    store = keystore.KeyStore.initialise(tmp_path_factory.mktemp("store"))
    for module in ("actor_periods", "actors", "blind", "ledger", "rotation", "searches", "signing"):
        monkeypatch.setattr(f"audit.{module}.default_keystore", lambda: store)
    return store


@pytest.fixture
def app_login():
    """Arguments of a connection of the application's own role to the test database."""
    settings = connection.settings_dict
    return {
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
        "host": settings["HOST"] or None,
        "port": settings["PORT"] or None,
    }


@pytest.fixture
def app_connection(app_login):
    with psycopg.connect(**app_login, autocommit=True) as conn:
        yield conn


@pytest.fixture
def some_events():
    def record(number, *, event="test:thing:happen", actor=None, **refs):
        for _ in range(number):
            ledger.record(event=event, actor=actor, refs=refs or {"thing": uuid4()})

    return record
