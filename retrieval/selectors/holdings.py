"""What is held: assets and bytes by collection, modality and state; findings; grounds.

Counted for all collections together, over an index that covers the first, and remembered for a
while (``retrieval.selectors.remembered``); each visitor is given the collections in reach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection

from retrieval import purposes, scope
from retrieval.grounds import REASONS
from retrieval.models import Collection
from retrieval.selectors.reach import Reach
from retrieval.selectors.remembered import remembered
from retrieval.states import State

T = TypeVar("T")
_HOLDINGS = """
SELECT collection_id, modality, state, count(*), coalesce(sum(size_bytes), 0)::bigint
FROM retrieval_asset GROUP BY collection_id, modality, state
"""
_FINDINGS = """
SELECT collection_id, found->>'kind', sum((found->>'count')::bigint)::bigint, count(*)
FROM retrieval_asset CROSS JOIN LATERAL jsonb_array_elements(redactions) found
WHERE redactions <> '[]'::jsonb GROUP BY 1, 2
"""
_WITHHELD = """
SELECT collection_id, reason, count(*) FROM retrieval_asset WHERE state = 'withheld' GROUP BY 1, 2
"""
# What is gone, or was never let in, needs no ground.
_NOT_USED: Final = frozenset({State.REJECTED, State.PURGED, State.ERASED})


@dataclass(frozen=True)
class Holding:
    """So many assets of one kind, and the bytes of their originals as they came in."""

    collection: UUID
    modality: str
    state: str
    assets: int
    size_bytes: int


@dataclass(frozen=True)
class Finding:
    """How often one kind was found in a collection, and in how many assets."""

    collection: UUID
    kind: str
    found: int
    assets: int


@dataclass(frozen=True)
class Withheld:
    """So many assets withheld for one reason."""

    collection: UUID
    reason: str
    assets: int


@dataclass(frozen=True)
class Holdings:
    """What is held, and when it was counted."""

    rows: tuple[Holding, ...]
    at: datetime

    def by(self, name: str) -> Counter[str]:
        """Assets by ``modality`` or ``state``, as words."""
        counted: Counter[str] = Counter()
        for row in self.rows:
            counted[str(getattr(row, name)) or "not known yet"] += row.assets
        return counted

    def by_collection(self) -> dict[UUID, Counter[str]]:
        """Assets by state, and ``bytes``, by collection."""
        counted: dict[UUID, Counter[str]] = {}
        for row in self.rows:
            of = counted.setdefault(row.collection, Counter())
            of[row.state] += row.assets
            of["assets"] += row.assets
            of["bytes"] += row.size_bytes
        return counted

    @property
    def assets(self) -> int:
        """How many there are in any state."""
        return sum(row.assets for row in self.rows)

    @property
    def size_bytes(self) -> int:
        """Bytes of their originals as they came in."""
        return sum(row.size_bytes for row in self.rows)


def holdings(reach: Reach) -> Holdings:
    """What the collections in reach hold. One statement, or none where it was just counted."""
    rows, at = remembered("holdings", lambda: _rows(_HOLDINGS, Holding))
    return Holdings(tuple(one for one in rows if reach.covers(one.collection)), at)


def findings(reach: Reach) -> tuple[list[Finding], datetime]:
    """What redaction took out of what is held, and when it was counted."""
    rows, at = remembered("findings", lambda: _rows(_FINDINGS, Finding))
    return [one for one in rows if reach.covers(one.collection)], at


def withheld(reach: Reach) -> list[Withheld]:
    """What is withheld, and why."""
    rows, _ = remembered("withheld", lambda: _rows(_WITHHELD, Withheld))
    return [one for one in rows if reach.covers(one.collection)]


def coverage(held: Holdings, kept_back: list[Withheld]) -> Counter[str]:
    """Assets by whether they may be searched: ``not needed``, ``valid``, or why they may not.

    Reasons are those of ``retrieval.grounds``. What is rejected, purged or erased does not count.
    One query.
    """
    with scope.system():
        asks = dict(
            Collection.objects.filter(pk__in={row.collection for row in held.rows}).values_list(
                "pk", "purposes"
            )
        )
    needed = {pk for pk, of in asks.items() if purposes.rule_of(of, purposes.SEARCH).required}
    counted: Counter[str] = Counter()
    for row in held.rows:
        if row.state not in _NOT_USED:
            counted["valid" if row.collection in needed else "not needed"] += row.assets
    for one in kept_back:
        if one.reason in REASONS:
            counted["valid" if one.collection in needed else "not needed"] -= one.assets
            counted[one.reason] += one.assets
    return counted


def _rows(statement: str, make: Callable[..., T]) -> list[T]:
    with scope.system(), connection.cursor() as cursor:
        cursor.execute(statement)
        return [make(*row) for row in cursor.fetchall()]
