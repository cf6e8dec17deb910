"""Kept queries that asked by an asset: each holds that asset's vector.

They are encrypted, so which ones those are is found by opening each once; what was found stays in
this process's memory, as ids, until the query's period is over. A query under a legal hold is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from audit.crypto import DecryptionError
from audit.held_queries import held_query
from audit.models import SearchRecord
from retrieval.services.search.kept import kept_query_of, kept_read

_MOST_REMEMBERED = 200_000
_BATCH = 500
# By search: the asset that was asked with, or none.
_asked: dict[UUID, UUID | None] = {}


def kept_asking(asset_ids: Sequence[UUID]) -> list[UUID]:
    """Searches whose kept query is one of these assets."""
    if not asset_ids:
        return []
    kept = SearchRecord.objects.filter(kept_query__isnull=False)
    ids = list(kept.order_by().values_list("id", flat=True))
    if len(_asked) > _MOST_REMEMBERED:
        _asked.clear()
    fresh = [one for one in ids if one not in _asked]
    for first in range(0, len(fresh), _BATCH):
        for record in kept.filter(id__in=fresh[first : first + _BATCH]):
            _asked[record.id] = _asset_of(record)
    wanted = set(asset_ids)
    return [one for one in ids if _asked.get(one) in wanted]


def kept_forget(asset_ids: Sequence[UUID]) -> None:
    """Empties those queries; what was searched, by whom and what it found stays on record."""
    found = kept_asking(asset_ids)
    if found:
        SearchRecord.objects.filter(id__in=found).update(kept_query=None)


def held_asking(asset_ids: Sequence[UUID]) -> list[UUID]:
    """Searches under a legal hold whose query is one of these assets: kept until it is released."""
    wanted = set(asset_ids)
    found = []
    for record in SearchRecord.objects.filter(held_query__isnull=False) if wanted else ():
        try:
            data = held_query(record)
            kept = kept_read(data) if data is not None else None
        except (DecryptionError, ValueError, KeyError):
            continue
        if kept is not None and kept.asset in wanted:
            found.append(record.id)
    return found


def _asset_of(record: SearchRecord) -> UUID | None:
    try:
        kept = kept_query_of(record)
    except (DecryptionError, ValueError, KeyError):
        return None  # nobody can read it, so it says nothing of anybody
    return kept.asset if kept is not None else None
