"""A kept connection is looked at without a statement, and a dead one is not taken for alive."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from tests.conftest import owner_connection

pytestmark = pytest.mark.django_db(transaction=True)


def closed_by_the_server():
    pid = connection.connection.info.backend_pid
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            assert cursor.fetchone() == (True,)
    finally:
        other.close()


def test_a_healthy_connection_is_asked_nothing(monkeypatch):
    connection.ensure_connection()

    def refused(*_, **__):
        raise AssertionError("a statement was sent")

    monkeypatch.setattr(psycopg.Cursor, "execute", refused)
    assert connection.is_usable()


def test_one_that_the_server_closed_is_not_used_again():
    connection.ensure_connection()
    assert connection.is_usable()
    closed_by_the_server()
    assert not connection.is_usable()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_notice_that_waits_is_no_death():
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN vitrine_test")
    with owner_connection() as conn:
        conn.execute("NOTIFY vitrine_test")
    assert connection.is_usable()
    connection.close()


def test_none_is_not_usable():
    connection.close()
    assert not connection.is_usable()
