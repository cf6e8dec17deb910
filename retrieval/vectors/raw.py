"""Statements with binary parameters on Django's own connection, inside its transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from pgvector import HalfVector
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import sql
from psycopg.types import TypeInfo

from retrieval.vectors.base import Vector

# The type's number differs between databases, and is asked for once a process in each.
_known: dict[str, TypeInfo] = {}


def half(vector: Vector) -> HalfVector:
    """A float32 vector as a halfvec parameter; write its placeholder as ``%b``."""
    return HalfVector(vector)


@contextmanager
def executed(
    statement: sql.SQL | sql.Composed, parameters: Sequence[Any]
) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor on which the statement has run; rows come back in binary.

    Django binds on the client, in text; a vector of 384 numbers is worth the other way.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    raw: psycopg.Connection[Any] = connection.connection
    _register(raw)
    started = time.monotonic()
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(statement, parameters, binary=True)
        if connection.queries_logged:  # whoever counts statements must see these too
            seconds = f"{time.monotonic() - started:.3f}"
            connection.queries_log.append({"sql": statement.as_string(raw), "time": seconds})
        yield cursor


def _register(raw: psycopg.Connection[Any]) -> None:
    if raw.adapters.types.get("halfvec") is not None:
        return
    name = raw.info.dbname
    if name not in _known:
        info = TypeInfo.fetch(raw, "halfvec")
        if info is None:
            raise RuntimeError("the extension 'vector' is not installed in this database")
        _known[name] = info
    register_halfvec_info(raw, _known[name])
