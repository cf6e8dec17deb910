"""What is due is done: collections that have grown or shrunk, builds that were killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection
from django.utils import timezone

from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.models import Collection
from retrieval.services.vectors.shards import (
    INDEX_FROM_ROWS,
    Say,
    shard_advance,
    shard_begin,
    shard_end,
)
from retrieval.vector_models import CollectionShard
from retrieval.vectors import tables, tuning
from retrieval.vectors.ddl import owner_connection
from retrieval.vectors.moving import large_collections
from retrieval.vectors.shard_map import LEFT_SECONDS

State = CollectionShard.State
# Below this share of the threshold a collection goes back, so that one near it does not commute.
_BACK_BELOW = 0.5
# By what the last ANALYZE counted, so that nothing has to be counted here.
_UNINDEXED = """
SELECT EXISTS (
    SELECT FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^vectors_.*_c[0-9]+$'
    AND c.reltuples >= %s AND NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        JOIN pg_am a ON a.oid = x.relam WHERE i.indrelid = c.oid AND a.amname = 'hnsw'
    )
) OR EXISTS (
    SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam
    WHERE a.amname = 'hnsw' AND NOT i.indisvalid
)
"""
_ALONE = 0x76656B  # this upkeep's number among our advisory locks


@contextmanager
def upkeep_alone() -> Iterator[psycopg.Connection | None]:
    """The owner's connection if nobody else is at it, held until the end; else None.

    Raises:
        Unavailable: the owner's login is not known here.
    """
    with owner_connection(autocommit=True) as conn:
        row = conn.execute("SELECT pg_try_advisory_lock(%s)", [_ALONE]).fetchone()
        yield conn if row is not None and row[0] else None


def upkeep_due() -> bool:
    """Whether ``upkeep_run`` would find something to do; a cheap look."""
    with scope.system():
        left = timezone.now() - timedelta(seconds=LEFT_SECONDS)
        busy = CollectionShard.objects.exclude(state=State.READY).exclude(
            state=State.LEFT, changed_at__gt=left
        )
        return busy.exists() or _unindexed() or bool(_grown()) or bool(_shrunk())


def upkeep_spawn() -> int:
    """The id of a process of its own that runs ``upkeep_run``; a second one ends at once."""
    return subprocess.Popen(
        [sys.executable, str(settings.ROOT / "manage.py"), "vectors", "upkeep"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).pid


def upkeep_run(*, say: Say = lambda _: None) -> bool:
    """Whether anything was done. Goes on until nothing is due that can be done now.

    Raises:
        Unavailable: the owner's login is not known here.
    """
    with upkeep_alone() as conn:
        if conn is None:
            return False
        with scope.system():
            grown, shrunk = _grown(), _shrunk()
        for collection in grown:
            shard_begin(conn, collection_id=collection)
        for collection in shrunk:
            shard_end(collection_id=collection)
        done = bool(grown or shrunk)
        further = True
        while further:
            did, further = _step(conn, say=say)
            done |= did
    return done


def _step(conn: psycopg.Connection, *, say: Say) -> tuple[bool, bool]:
    """Whether anything was done for any shard, and whether one is in another state now."""
    with scope.system():
        rows = list(CollectionShard.objects.all())
    done = further = False
    for row in rows:
        before = row.state
        try:
            done |= shard_advance(conn, row, say=say)
            further |= row.state != before
        except (psycopg.Error, RetrievalError) as error:
            _failed(row, error)
            raise
    return done, further


def _failed(row: CollectionShard, error: Exception) -> None:
    with scope.system():
        CollectionShard.objects.filter(pk=row.pk).update(reason=type(error).__name__[:64])


def _unindexed() -> bool:
    """Whether a shard of some size lacks an index, as under a new version, or has a broken one."""
    with connection.cursor() as cursor:
        cursor.execute(_UNINDEXED, [INDEX_FROM_ROWS])
        return bool(cursor.fetchone()[0])


def _grown() -> list[UUID]:
    """Collections past the threshold without a shard of their own, the largest first."""
    least = tuning.current().own_rows
    found: dict[UUID, int] = {}
    for table in tables():
        for collection, count in large_collections(table=table, rows=least).items():
            found[collection] = max(count, found.get(collection, 0))
    known = set(CollectionShard.objects.values_list("collection_id", flat=True))
    there = set(Collection.objects.filter(id__in=found).values_list("id", flat=True))
    return sorted(there - known, key=lambda one: -found[one])


def _shrunk() -> list[UUID]:
    """Collections whose own shard is no longer worth it, or that are gone."""
    least = tuning.current().own_rows * _BACK_BELOW
    own = CollectionShard.objects.filter(state=State.READY)
    ids = set(own.values_list("collection_id", flat=True))
    there = set(Collection.objects.filter(id__in=ids).values_list("id", flat=True))
    small = own.filter(asked=False, rows__lt=least).values_list("collection_id", flat=True)
    return sorted((ids - there) | set(small))
