"""Statements whose parameters are bound by the server, on Django's own connection.

Django binds on the client, in text; a vector or ten thousand ids are worth the other way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from audit.ids import register_ids


@contextmanager
def executed(
    statement: sql.SQL | sql.Composed | bytes, parameters: Sequence[Any] | Mapping[str, Any]
) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor on which the statement has run, in Django's transaction; rows come in binary.

    Takes ``Ids`` as parameters. Bytes are a statement that was composed before, once for all.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    raw: psycopg.Connection[Any] = connection.connection
    register_ids(raw)
    started = time.monotonic()
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(statement, parameters, binary=True)
        if connection.queries_logged:  # whoever counts statements must see these too
            seconds = f"{time.monotonic() - started:.3f}"
            text = statement if isinstance(statement, bytes) else statement.as_bytes(raw)
            connection.queries_log.append({"sql": text.decode(), "time": seconds})
        yield cursor
