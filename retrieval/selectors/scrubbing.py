"""Which tables' files still hold bytes of what was erased."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from uuid import UUID

from django.db import connection

from audit.erasure_models import ErasureItem, ErasureRequest
from retrieval.erasure_stores import stores
from retrieval.vector_models import CollectionShard
from retrieval.vectors.shards import FIRST_OWN_SHARD

# Ids and numbers, or what was encrypted under a key that is destroyed with it: what their dead rows
# say, nobody can use.
HARMLESS = frozenset(
    {
        "audit_influence",
        "retrieval_provenancestep",
        "retrieval_feedback",
        "retrieval_labelledquery",
        "retrieval_reembedjob",
    }
)
_LEAVES = """
SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


def tables_to_scrub(requests: Sequence[ErasureRequest]) -> list[str]:
    """Leaf tables of the stores in which any of these requests found something, by name.

    Of what is divided by collection, the shared parts and the parts of collections concerned.
    Inside ``scope.system``.
    """
    counted: dict[str, int] = {}
    for request in requests:
        for name, count in (request.before or {}).items():
            counted[name] = counted.get(name, 0) + count
    patterns = {
        table
        for store in stores()
        if counted.get(store.name)
        for table in store.tables
        if table not in HARMLESS
    }
    items = ErasureItem.objects.filter(request__in=[one.id for one in requests])
    collections = set(items.values_list("collection", flat=True))
    return leaves(patterns, collections=collections)


def leaves(patterns: Iterable[str], *, collections: Iterable[UUID]) -> list[str]:
    """Tables with rows of their own that one of ``patterns`` names."""
    own = CollectionShard.objects.filter(collection_id__in=list(collections))
    wanted = {str(shard) for shard in own.values_list("shard", flat=True)}
    with connection.cursor() as cursor:
        cursor.execute(_LEAVES)
        names = [name for (name,) in cursor.fetchall()]
    asked = list(patterns)
    return sorted(
        name
        for name in names
        if any(fnmatchcase(name, pattern) for pattern in asked) and _concerned(name, wanted)
    )


def _concerned(name: str, own: set[str]) -> bool:
    """Whether it is no other collection's part; their names end in ``_c`` and the shard."""
    _, mark, shard = name.rpartition("_c")
    if not mark or not shard.isdigit() or int(shard) < FIRST_OWN_SHARD:
        return True
    return shard in own
