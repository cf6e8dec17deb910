"""What a purge would destroy, asset by asset, before it happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.utils import timezone

from audit.pauses import everything_paused
from audit.retention_rules import ASSET_PARTS
from retrieval import scope
from retrieval.selectors.due import due_list

_AT_ONCE = 2000


class DueAsset(TypedDict):
    """One part of one asset that is due; ``held`` and ``paused`` ones are left by a purge."""

    asset: UUID
    collection: UUID
    part: str
    deadline: datetime
    held: bool
    paused: bool


def due_export(
    *,
    parts: Sequence[str] = ASSET_PARTS,
    collections: Sequence[UUID] | None = None,
    until: datetime | None = None,
) -> Iterator[DueAsset]:
    """Every part of every asset that is due by ``until`` (now), part by part, by id.

    Read some thousand at a time, each in a short transaction of its own, so that a million lines
    can be streamed. Limit ``collections`` to what the reader may know of before.
    """
    until = until or timezone.now()
    for part in parts:
        after: UUID | None = None
        while True:
            with scope.system():
                rows = due_list(
                    part,
                    until=until,
                    now=timezone.now(),
                    collections=collections,
                    after=after,
                    limit=_AT_ONCE,
                )
                all_paused = everything_paused()
            for asset, collection, deadline, held, paused in rows:
                yield DueAsset(
                    asset=asset,
                    collection=collection,
                    part=part,
                    deadline=deadline,
                    held=held,
                    paused=paused or all_paused,
                )
            if len(rows) < _AT_ONCE:
                break
            after = rows[-1][0]
