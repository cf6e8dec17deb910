"""On what ground assets may be used now: read from the database, decided by ``retrieval.grounds``.

Call inside ``scope.system``: row-level security shows subjects and consents to nobody else. Who
relies on the answer has locked the assets, or the people in them, before asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from audit.subject_models import ConsentRecord, DataSubject
from retrieval.grounds import Person, Record, Verdict, asset_permits, person_permits
from retrieval.models import Asset, Collection
from retrieval.purposes import SEARCH, PurposeRule, rule_of
from retrieval.subject_models import AssetSubject

_AT_ONCE = 2_000


@dataclass(frozen=True)
class Link:
    """Somebody in an asset; ``own`` is the series of the record named when it was taken in."""

    subject: UUID
    own: UUID | None


def forbidden(asset_ids: Iterable[UUID], purpose: str = SEARCH) -> dict[UUID, str]:
    """Which assets may not be used for ``purpose`` now, with the reason's code; absent: they may.

    Any other purpose needs that of searching as well. Five queries for each 2,000 assets; two where
    nobody is linked.
    """
    found: dict[UUID, str] = {}
    for name in dict.fromkeys((SEARCH, purpose)):
        for asset_id, verdict in verdicts(asset_ids, purpose=name).items():
            if verdict.reason:
                found.setdefault(asset_id, verdict.reason)
    return found


def verdicts(
    asset_ids: Iterable[UUID], *, purpose: str = SEARCH, now: datetime | None = None
) -> dict[UUID, Verdict]:
    """What everybody in each asset says of one purpose; assets that are gone are absent."""
    wanted = list(dict.fromkeys(asset_ids))
    found: dict[UUID, Verdict] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        homes = dict(Asset.objects.filter(id__in=some).values_list("id", "collection_id"))
        found |= verdicts_of(homes, purpose=purpose, now=now)
    return found


def verdicts_of(
    homes: Mapping[UUID, UUID], *, purpose: str = SEARCH, now: datetime | None = None
) -> dict[UUID, Verdict]:
    """As ``verdicts``, of assets whose collections are known: ``homes`` is asset to collection."""
    rules = rules_of(homes.values(), purpose=purpose)
    links = links_of(homes)
    judge = Judge(
        {one.subject for some in links.values() for one in some}, purpose=purpose, now=now
    )
    return {
        asset: judge.asset(links.get(asset, ()), rules[collection])
        for asset, collection in homes.items()
    }


class Judge:
    """Decides on many assets of the same people: each is read once."""

    def __init__(
        self, subject_ids: Iterable[UUID], *, purpose: str, now: datetime | None = None
    ) -> None:
        """Reads what the people have said; two queries, none for nobody."""
        self._people = people_of(subject_ids)
        self._purpose = purpose
        self._now = now or timezone.now()
        self._said: dict[tuple[UUID, UUID | None, PurposeRule], Verdict] = {}

    def asset(self, links: Sequence[Link], rule: PurposeRule) -> Verdict:
        """Whether an asset with these people in it may be used."""
        return asset_permits([self._person(link, rule) for link in links], rule=rule)

    def _person(self, link: Link, rule: PurposeRule) -> Verdict:
        key = (link.subject, link.own, rule)
        if key not in self._said:
            # Whoever is linked and not there any more has permitted nothing.
            self._said[key] = person_permits(
                self._people.get(link.subject, Person(gone=True)),
                purpose=self._purpose,
                rule=rule,
                own=link.own,
                now=self._now,
            )
        return self._said[key]


def rules_of(collection_ids: Iterable[UUID], *, purpose: str) -> dict[UUID, PurposeRule]:
    """What each collection asks for ``purpose``. One query."""
    rows = Collection.objects.filter(id__in=set(collection_ids)).values_list("id", "purposes")
    return {pk: rule_of(purposes, purpose) for pk, purposes in rows}


def links_of(asset_ids: Iterable[UUID]) -> dict[UUID, list[Link]]:
    """The people in each asset; assets with nobody are absent. One query, two with records."""
    rows = list(
        AssetSubject.objects.filter(asset_id__in=list(asset_ids)).values_list(
            "asset_id", "subject", "consent"
        )
    )
    named = {consent for _, _, consent in rows if consent is not None}
    series: dict[UUID, UUID] = {}
    if named:
        series = dict(ConsentRecord.objects.filter(id__in=named).values_list("id", "series"))
    found: dict[UUID, list[Link]] = {}
    for asset, subject, consent in rows:
        own = None if consent is None else series.get(consent)
        found.setdefault(asset, []).append(Link(subject, own))
    return found


def people_of(subject_ids: Iterable[UUID]) -> dict[UUID, Person]:
    """What each of these people has said, with every record of theirs. Two queries."""
    wanted = set(subject_ids)
    if not wanted:
        return {}
    records: dict[UUID, list[Record]] = {}
    for row in ConsentRecord.objects.filter(subject__in=wanted):
        records.setdefault(row.subject, []).append(_record(row))
    return {
        row.id: Person(
            restricted=row.restricted_at is not None,
            objected=row.objected_at is not None,
            gone=row.state == DataSubject.State.ERASED,
            records=tuple(records.get(row.id, ())),
        )
        for row in DataSubject.objects.filter(id__in=wanted)
    }


def linked() -> Exists:
    """A condition on assets: somebody is linked to them."""
    return Exists(AssetSubject.objects.filter(asset_id=OuterRef("pk")))


def run_out(rows: QuerySet[Asset], *, now: datetime | None = None) -> QuerySet[Asset]:
    """Those of ``rows`` whose time is over, though nobody has come to withhold them."""
    return rows.filter(permitted_until__lte=now or timezone.now())


def _record(row: Any) -> Record:
    return Record(
        series=row.series,
        version=row.version,
        purposes=frozenset(row.purposes),
        legal_basis=row.legal_basis,
        special_condition=row.special_condition,
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        superseded_at=row.superseded_at,
        over=row.expired_at is not None,
        given=row.given_tick,
        withdrawn=row.withdrawn_tick,
    )
