"""In which shard a collection's rows lie. Pure.

Small collections share a shard and are found through a b-tree on the collection. One past a
threshold gets a shard, and so a partition with an index, of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID
from zlib import crc32

# How many shards a new vector table's small collections share. Measured with 30,000 rows in 2,000
# collections, all permitted: 31 ms a search in one shard, 42 in four, 95 in 32; each partition is
# planned, and its permissions are read, by itself. Stored with every table in
# ``VectorTable.shards``.
SHARED_SHARDS = 1
# Numbers below belong to shared shards, of whichever table.
FIRST_OWN_SHARD = 1000
LAST_OWN_SHARD = 32_767  # smallint

MOVING, INDEXING, READY, LEAVING, LEFT = "moving", "indexing", "ready", "leaving", "left"
_READ_OWN = frozenset({MOVING, INDEXING, READY, LEAVING})
_READ_SHARED = frozenset({MOVING, LEAVING, LEFT})
_WRITE_OWN = frozenset({MOVING, INDEXING, READY})


@dataclass(frozen=True)
class OwnShard:
    """A collection's own shard. ``index`` is the kind of its index, which answers if ``ready``."""

    shard: int
    state: str
    index: str

    @property
    def ready(self) -> bool:
        """Whether the index answers searches."""
        return self.state == READY


@dataclass(frozen=True)
class ShardMap:
    """Which collections have a shard of their own, at the moment that ``stamp`` marks."""

    own: Mapping[UUID, OwnShard] = field(default_factory=dict)
    stamp: UUID | None = None

    def owned(self, collections: Iterable[UUID]) -> dict[UUID, OwnShard]:
        """Those of ``collections`` that have rows in a shard of their own."""
        return {
            one: place
            for one in collections
            if (place := self.own.get(one)) is not None and place.state in _READ_OWN
        }

    def shared(self, collections: Iterable[UUID]) -> list[UUID]:
        """Those of ``collections`` that may have rows in a shared shard."""
        return [
            one
            for one in collections
            if (place := self.own.get(one)) is None or place.state in _READ_SHARED
        ]

    def read_shards(self, collections: Iterable[UUID], *, shards: int = SHARED_SHARDS) -> list[int]:
        """Every shard that may hold a row of ``collections``, ascending."""
        wanted = list(collections)
        own = {place.shard for place in self.owned(wanted).values()}
        return sorted(own | {shard_of(one, shards=shards) for one in self.shared(wanted)})

    def write_shard(self, collection: UUID, *, shards: int = SHARED_SHARDS) -> int:
        """Where a row of ``collection`` is written."""
        place = self.own.get(collection)
        if place is not None and place.state in _WRITE_OWN:
            return place.shard
        return shard_of(collection, shards=shards)


NO_OWN_SHARDS = ShardMap()


def shard_of(collection_id: UUID, *, shards: int = SHARED_SHARDS) -> int:
    """The shared shard of a collection, 0 to ``shards - 1``, the same on every machine."""
    return crc32(collection_id.bytes) % shards


def shards_of(collections: Iterable[UUID], *, shards: int = SHARED_SHARDS) -> list[int]:
    """The distinct shared shards of ``collections``, ascending."""
    return sorted({shard_of(collection, shards=shards) for collection in collections})
