"""What is under a legal hold: by itself, through its collection, a person in it, or a held query.

A held query holds the assets among its hits: they are what the query is evidence of. Inside
``scope.system``, and after ``audit.holds.holds_still`` wherever something is destroyed on the
strength of the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.hold_models import HELD_THINGS, LegalHold
from audit.holds import Held
from audit.models import Influence
from retrieval.models import Asset
from retrieval.subject_models import AssetSubject

_ACTIVE = "SELECT {thing} FROM audit_legalhold WHERE state = 'active' AND {thing} IS NOT NULL"
# ``not_held`` turned round, for statements over an asset called ``a``. A test holds the two against
# each other.
HELD_SQL = f"""(
    a.collection_id IN ({_ACTIVE.format(thing="collection")})
    OR a.id IN ({_ACTIVE.format(thing="asset")})
    OR a.id IN (SELECT link.asset_id FROM retrieval_assetsubject link
                WHERE link.subject IN ({_ACTIVE.format(thing="subject")}))
    OR a.id IN (SELECT hit.asset_id FROM audit_influence hit
                WHERE hit.record_id IN ({_ACTIVE.format(thing="query")}))
)"""  # noqa: S608 - put together from the constants above


def active_holds() -> QuerySet[LegalHold]:
    """Every hold in force."""
    return LegalHold.objects.filter(state=LegalHold.State.ACTIVE)


def held(asset_ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """Ids of the holds on each held asset, however they reach it; assets not held are absent.

    Five queries at most, whatever their number.
    """
    ids = list(asset_ids)
    by_thing: dict[str, dict[UUID, list[UUID]]] = {name: defaultdict(list) for name in HELD_THINGS}
    for row in active_holds().order_by().values("id", *HELD_THINGS):
        name = next(one for one in HELD_THINGS if row[one] is not None)
        by_thing[name][row[name]].append(row["id"])
    reach: dict[UUID, set[UUID]] = defaultdict(set)
    for name, pairs in _ways(ids).items():
        holds = by_thing[name]
        if holds:
            for asset_id, thing in pairs.filter(**{_THING[name] + "__in": list(holds)}):
                reach[asset_id].update(holds[thing])
    return {asset_id: tuple(sorted(holds)) for asset_id, holds in reach.items()}


def not_held(prefix: str = "") -> Q:
    """A condition on assets: no hold reaches it. For statements over many rows.

    ``prefix`` leads to the asset from rows of another table, as in ``asset__``.
    """
    links = AssetSubject.objects.filter(subject__in=_named("subject")).order_by()
    hits = Influence.objects.filter(record_id__in=_named("query")).order_by()
    return ~(
        Q(**{f"{prefix}id__in": _named("asset")})
        | Q(**{f"{prefix}collection_id__in": _named("collection")})
        | Q(**{f"{prefix}id__in": links.values("asset_id")})
        | Q(**{f"{prefix}id__in": hits.values("asset_id")})
    )


def assets_of(on: Held) -> QuerySet[Asset]:
    """The assets that a hold on this reaches, or would."""
    if on.asset is not None:
        return Asset.objects.filter(id=on.asset)
    if on.collection is not None:
        return Asset.objects.filter(collection_id=on.collection)
    if on.subject is not None:
        links = AssetSubject.objects.filter(subject=on.subject).order_by()
        return Asset.objects.filter(id__in=links.values("asset_id"))
    hits = Influence.objects.filter(record_id=on.query).order_by()
    return Asset.objects.filter(id__in=hits.values("asset_id"))


def held_collection(collection_id: UUID) -> list[UUID]:
    """Ids of the holds on the collection itself or on anything that is in it."""
    inside = Asset.objects.filter(collection_id=collection_id)
    reached = (
        Q(collection=collection_id)
        | Q(asset__in=inside.values("id"))
        | Q(subject__in=_subjects(collection_id))
        | Q(query__in=Influence.objects.filter(collection_id=collection_id).values("record_id"))
    )
    return list(active_holds().filter(reached).order_by("placed_at").values_list("id", flat=True))


def held_subject(subject_id: UUID) -> list[UUID]:
    """Ids of the holds on the subject itself or on any asset with it, oldest first."""
    assets = AssetSubject.objects.filter(subject=subject_id).values_list("asset_id", flat=True)
    found = set(active_holds().filter(subject=subject_id).values_list("id", flat=True))
    for holds in held(assets).values():
        found.update(holds)
    return sorted(found)


def _named(what: str) -> QuerySet[LegalHold, dict[str, Any]]:
    # Without nulls: NOT IN with one of them is never true.
    there = Q(**{f"{what}__isnull": False})
    rows: QuerySet[LegalHold, dict[str, Any]] = active_holds().filter(there).order_by().values(what)
    return rows


def _subjects(collection_id: UUID) -> QuerySet[AssetSubject, Any]:
    return (
        AssetSubject.objects.filter(asset__collection_id=collection_id).order_by().values("subject")
    )


# By what a hold is on: where the ids of assets and of that thing stand together.
_THING = {"asset": "id", "collection": "collection_id", "subject": "subject", "query": "record_id"}


def _ways(ids: list[UUID]) -> dict[str, QuerySet[Any, tuple[UUID, UUID]]]:
    assets = Asset.objects.filter(id__in=ids).order_by()
    links = AssetSubject.objects.filter(asset_id__in=ids).order_by()
    hits = Influence.objects.filter(asset_id__in=ids).order_by()
    return {
        "asset": assets.values_list("id", "id"),
        "collection": assets.values_list("id", "collection_id"),
        "subject": links.values_list("asset_id", "subject"),
        "query": hits.values_list("asset_id", "record_id"),
    }
