"""The map of shards, kept by each process and checked by every search inside its own statement.

A search is built from the map this process knows, and brings the present stamp back with its rows,
read in the same snapshot. Where the two differ the map is read anew and the search put again; so no
search misses or doubles a row of a collection that is just being moved.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from django.db import connection

from retrieval.vectors.shards import SHARED_SHARDS, OwnShard, ShardMap

# A partition is dropped no sooner than ``LEFT_SECONDS`` after no map names it any more, and a map
# is used no longer than this, even where nobody searches that could notice its age.
_MOST_AGE_SECONDS = 60.0
_READ = """
SELECT stamp, (SELECT json_object_agg("table", shards)::text FROM retrieval_vectortable),
       collection_id, shard, state, index
FROM vitrine_shards()
"""
LEFT_SECONDS = 600.0


@dataclass(frozen=True)
class _Known:
    map: ShardMap
    shared: dict[str, int]  # by table: shards that its small collections share
    read_at: float


_known: dict[str, _Known] = {}  # by database


def current() -> ShardMap:
    """The map as this process knows it; read first where it knows none, or an old one."""
    return _current().map


def shared_shards(table: str) -> int:
    """How many shards the small collections of ``table`` share."""
    return _current().shared.get(table, SHARED_SHARDS)


def refreshed() -> ShardMap:
    """The map as the database has it now. One statement."""
    return _read().map


def forget() -> None:
    """The next search reads the map."""
    _known.clear()


def _current() -> _Known:
    known = _known.get(connection.settings_dict["NAME"])
    if known is None or time.monotonic() - known.read_at > _MOST_AGE_SECONDS:
        return _read()
    return known


def _read() -> _Known:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        rows = cursor.fetchall()
    own = {
        collection: OwnShard(shard=shard, state=state, index=index)
        for _, _, collection, shard, state, index in rows
        if collection is not None
    }
    known = _Known(
        map=ShardMap(own=own, stamp=rows[0][0]),
        shared=json.loads(rows[0][1] or "{}"),
        read_at=time.monotonic(),
    )
    _known[connection.settings_dict["NAME"]] = known
    return known
