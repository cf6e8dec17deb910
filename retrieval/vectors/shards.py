"""In which shard a collection's rows lie. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID
from zlib import crc32

# Small collections share these; a partition for each of 10,000 collections would exhaust locks and
# planning time. The number is stored with every table in ``VectorTable.shards``.
SHARED_SHARDS = 32


def shard_of(collection_id: UUID, *, shards: int = SHARED_SHARDS) -> int:
    """The shared shard of a collection, 0 to ``shards - 1``, the same on every machine."""
    return crc32(collection_id.bytes) % shards


def shards_of(collections: Iterable[UUID], *, shards: int = SHARED_SHARDS) -> list[int]:
    """The distinct shards of ``collections``, ascending."""
    return sorted({shard_of(collection, shards=shards) for collection in collections})
