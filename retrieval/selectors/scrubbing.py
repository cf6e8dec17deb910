"""Which tables' files still hold bytes of what was erased."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from uuid import UUID

from django.db import connection
from django.utils import timezone

from audit.erasure_models import ErasureItem, ErasureRequest, ScrubRun, Tombstone
from retrieval.erasure_stores import stores
from retrieval.models import Asset
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
# What curators delete is scrubbed with the next erasure, or so often.
DELETIONS_TOGETHER = timedelta(hours=1)
_IDS_A_QUERY = 5_000
_LEAVES = """
SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


def deletions_due(*, at_least: timedelta = DELETIONS_TOGETHER) -> list[UUID]:
    """Assets that were deleted without a request since the last scrubbing, if that is a while ago.

    Inside ``scope.system``.
    """
    last = ScrubRun.objects.values_list("began_at", flat=True).first()
    deleted = Tombstone.objects.filter(request=None, kind=Tombstone.Kind.ASSET)
    if last is not None:
        if last > timezone.now() - at_least:
            return []
        deleted = deleted.filter(erased_at__gte=last)
    return list(deleted.order_by("id").values_list("object_id", flat=True))


def tables_to_scrub(
    requests: Sequence[ErasureRequest], *, deleted: Sequence[UUID] = ()
) -> list[str]:
    """Leaf tables of the stores in which any of these requests found something, by name.

    With ``deleted`` assets, whose stores nobody counted, those of all stores of assets. Of what is
    divided by collection, the shared parts and the parts of collections concerned. Inside
    ``scope.system``.
    """
    counted: dict[str, int] = {}
    for request in requests:
        for name, count in (request.before or {}).items():
            counted[name] = counted.get(name, 0) + count
    patterns = {
        table
        for store in stores()
        if deleted or counted.get(store.name)
        for table in store.tables
        if table not in HARMLESS
    }
    items = ErasureItem.objects.filter(request__in=[one.id for one in requests])
    collections = set(items.values_list("collection", flat=True))
    for first in range(0, len(deleted), _IDS_A_QUERY):
        some = Asset.objects.filter(id__in=deleted[first : first + _IDS_A_QUERY])
        collections |= set(some.values_list("collection_id", flat=True))
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
