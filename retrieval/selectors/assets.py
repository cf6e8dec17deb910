"""Reading assets: the rows; ``retrieval.services.content`` opens what lies behind them.

Who sees which assets of a collection: whoever reads it, the searchable ones and their own uploads;
contributors also those on their way, quarantined or rejected (the same file again is answered with
the asset that is there); curators and stewards, those in every state. Titles, metadata and content
are for readers; a steward who does not read sees states, reasons and what was redacted. What a
caller may not see does not exist for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from retrieval import access, scope
from retrieval.access import Access, Permission
from retrieval.errors import NotVisible
from retrieval.models import Asset, Collection, ProvenanceStep, Segment
from retrieval.selectors.reredaction import is_behind
from retrieval.states import State

MOST_WORDS = 500
_SEEN_BY_READERS = frozenset({State.SEARCHABLE})
_SEEN_BY_CONTRIBUTORS = frozenset(State) - {State.WITHHELD, State.PURGED, State.ERASED}


@dataclass(frozen=True)
class Step:
    """One step of provenance; ``actor`` is the ledger's id of the person, where one did it."""

    at: datetime
    step: str
    component: str
    version: str
    actor: UUID | None


@dataclass(frozen=True)
class AssetView:
    """An asset as one user may see it; ``readable``: its words and content are among that."""

    asset: Asset
    readable: bool
    segments: int
    provenance: tuple[Step, ...]

    @property
    def title(self) -> str:
        """Redacted; empty for whoever does not read the collection, and before redaction."""
        return self.asset.title if self.readable else ""

    @property
    def source(self) -> str:
        """Redacted; empty for whoever does not read the collection."""
        return self.asset.source if self.readable else ""

    @property
    def metadata(self) -> dict[str, Any]:
        """Redacted; empty for whoever does not read the collection."""
        return dict(self.asset.metadata) if self.readable else {}


@dataclass(frozen=True)
class AssetFilters:
    """What to list; None means any."""

    collection: UUID | None = None
    state: str | None = None
    modality: str | None = None
    behind: bool | None = None


def _visible(user: User, held: dict[UUID, Access]) -> Q:
    whole = [
        cid
        for cid, one in held.items()
        if one.allows(Permission.CURATE) or one.allows(Permission.GOVERN)
    ]
    read = [cid for cid, one in held.items() if one.allows(Permission.READ)]
    contribute = [cid for cid, one in held.items() if one.allows(Permission.CONTRIBUTE)]
    # What is permitted until a moment that is past counts as withheld.
    lasting = Q(permitted_until=None) | Q(permitted_until__gt=timezone.now())
    return ~Q(state=State.ERASED) & (
        Q(collection_id__in=whole)
        | (Q(collection_id__in=read, state__in=_SEEN_BY_READERS) & lasting)
        | Q(collection_id__in=contribute, state__in=_SEEN_BY_CONTRIBUTORS)
        | Q(collection_id__in=read, uploaded_by_id=user.pk)
    )


def asset_rows(*, user: User, filters: AssetFilters = AssetFilters()) -> QuerySet[Asset]:
    """The rows ``user`` may know of, newest first.

    Unevaluated, so that a view can page through them.
    Evaluate it inside ``scope.user(user.pk)``; outside, row-level security shows nothing.

    Raises:
        NotVisible: the collection asked for is not the user's to know of.
    """
    held = access.access_by_collection(user=user)
    if filters.collection is not None and filters.collection not in held:
        raise NotVisible("There is no such collection.")
    rows = Asset.objects.filter(_visible(user, held)).order_by("-created_at", "id")
    if filters.collection is not None:
        rows = rows.filter(collection_id=filters.collection)
    if filters.state is not None:
        rows = rows.filter(state=filters.state)
    if filters.modality is not None:
        rows = rows.filter(modality=filters.modality)
    if filters.behind is not None:
        outdated = is_behind(Collection.objects.filter(pk__in=held))
        rows = rows.filter(outdated if filters.behind else ~outdated)
    return rows


def asset_views(*, user: User, rows: list[Asset]) -> list[AssetView]:
    """``rows`` of ``asset_rows`` with what belongs to them. Three queries, however many rows."""
    ids = [row.pk for row in rows]
    held = access.access_by_collection(user=user, collections={row.collection_id for row in rows})
    with scope.user(user.pk):
        counted = Asset.objects.filter(id__in=ids).annotate(n=Count("segments"))
        segments = dict(counted.values_list("id", "n"))
        steps = _steps(ids)
    return [
        AssetView(
            asset=row,
            readable=held.get(row.collection_id, access.NO_ACCESS).allows(Permission.READ),
            segments=segments.get(row.pk, 0),
            provenance=tuple(steps.get(row.pk, ())),
        )
        for row in rows
    ]


def _steps(ids: list[UUID]) -> dict[UUID, list[Step]]:
    found: dict[UUID, list[Step]] = {}
    for row in ProvenanceStep.objects.filter(asset_id__in=ids).order_by("id"):
        step = Step(row.at, row.step, row.component, row.version, row.actor)
        found.setdefault(row.asset_id, []).append(step)
    return found


def words_in(*, user: User, asset: Asset) -> list[Segment]:
    """What is said in a sound or written in a picture, redacted, in order; none for a text.

    One query; the first ``MOST_WORDS`` stretches. Whether ``user`` may read them is the caller's
    to have asked; row-level security asks again.
    """
    if asset.modality == "text":
        return []
    with scope.user(user.pk):
        rows = Segment.objects.filter(asset_id=asset.pk, modality="text").order_by("ordinal")
        return list(rows[:MOST_WORDS])


def asset_get(*, user: User, asset_id: UUID) -> AssetView:
    """One asset with its segments counted and its provenance.

    Raises:
        NotVisible: no such asset, or not the user's to know of.
    """
    with scope.user(user.pk):
        row = asset_rows(user=user).filter(pk=asset_id).first()
    if row is None:
        raise NotVisible("There is no such asset.")
    return asset_views(user=user, rows=[row])[0]
