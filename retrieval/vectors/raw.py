"""Statements with binary parameters on Django's own connection, inside its transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from pgvector import HalfVector
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import sql
from psycopg.types import TypeInfo

from audit import wire
from retrieval.vectors.base import Vector

# The type's number differs between databases, and is asked for once a process in each.
_known: dict[str, TypeInfo] = {}


def half(vector: Vector) -> HalfVector:
    """A float32 vector as a halfvec parameter; write its placeholder as ``%b``."""
    return HalfVector(vector)


@contextmanager
def executed(
    statement: sql.SQL | sql.Composed, parameters: Sequence[Any] | Mapping[str, Any]
) -> Iterator[psycopg.Cursor[Any]]:
    """A cursor on which the statement has run; rows come back in binary.

    Takes vectors and ``Ids`` as parameters.
    """
    connection.ensure_connection()
    _register(connection.connection)
    with wire.executed(statement, parameters) as cursor:
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
