"""What an archive's index says, part by part. Everything runs inside ``retrieval.scope.system``.

Of other people there is nothing in it: who searched or looked is a role, who decided is "a person".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Membership
from audit.blind import blind_lookup
from audit.crypto import DecryptionError
from audit.erasure_models import ErasureCandidate
from audit.hold_models import LegalHold
from audit.ledger import payload_read, person_of
from audit.models import Influence, LedgerEntry
from audit.retention_rules import after_days, has_state_rule
from audit.subject_models import ConsentRecord, DataSubject
from audit.subjects import identifier_of
from retrieval.models import Asset, Collection, Grant, ProvenanceStep, Segment
from retrieval.redaction.blind import forms_of
from retrieval.selectors.holds import held
from retrieval.states import RawState, State
from retrieval.subject_models import AssetSubject

IDS_A_QUERY: Final = 1000
_VIEWS: Final = (
    "content:rendition:view",
    "content:rendition:download",
    "content:raw:view",
)
_AREAS: Final = ("subject:", "consent:", "hold:", "erasure:", "dataset:", "retention:")
_DATED: Final = ("rendition", "vectors", "transcript", "thumbnail")
_STRONGEST: Final = ("curator", "contributor", "searcher", "steward")


def text_of(moment: datetime | None) -> str | None:
    """ISO 8601, or null."""
    return None if moment is None else moment.isoformat()


def subject_part(subject: DataSubject) -> dict[str, Any]:
    """The record of the person, with the identifier it is found by."""
    return {
        "id": str(subject.pk),
        "identifier": identifier_of(subject),
        "state": subject.state,
        "restricted_at": text_of(subject.restricted_at),
        "objected_at": text_of(subject.objected_at),
        "recorded_at": text_of(subject.created_at),
    }


def consents_part(subject_id: UUID) -> list[dict[str, Any]]:
    """Every version of every record, the oldest first."""
    rows = ConsentRecord.objects.filter(subject=subject_id).order_by("series", "version")
    words = (
        *("legal_basis", "special_condition", "controller", "controller_contact"),
        *("storage_location", "collection_method", "withdrawal_method", "notice_ref"),
    )
    lists = ("purposes", "data_categories", "recipients", "jurisdictions")
    moments = ("starts_at", "expires_at", "withdrawn_at", "superseded_at", "recorded_at")
    return [
        {
            "record": row.ref,
            **{name: getattr(row, name) for name in words},
            **{name: list(getattr(row, name)) for name in lists},
            **{name: text_of(getattr(row, name)) for name in moments},
            "withdrawn_how": str(row.withdrawal.get("how", "")),
        }
        for row in rows
    ]


def holds_part(subject_id: UUID, asset_ids: Sequence[UUID]) -> dict[str, int]:
    """That something is kept by legal holds, and how many; not why."""
    on_person = LegalHold.objects.filter(subject=subject_id, state=LegalHold.State.ACTIVE)
    return {"on_the_person": on_person.count(), "assets_held": len(held(asset_ids))}


def assets_of(subject_id: UUID) -> list[Asset]:
    """The assets linked to the person that are not erased, the oldest first."""
    rows = Asset.objects.filter(subjects__subject=subject_id).exclude(state=State.ERASED)
    return list(rows.order_by("created_at", "id").select_related("collection__retention_policy"))


def with_others(asset_ids: Sequence[UUID], subject_id: UUID) -> set[UUID]:
    """Those of the assets that are about somebody else as well."""
    found: set[UUID] = set()
    for some in pieces(asset_ids):
        links = AssetSubject.objects.filter(asset_id__in=some).exclude(subject=subject_id)
        found.update(links.values_list("asset_id", flat=True))
    return found


def links_part(subject_id: UUID) -> dict[UUID, dict[str, Any]]:
    """How and when each asset was linked to the person."""
    return {
        link.asset_id: {"linked_at": text_of(link.at), "linked_via": link.via}
        for link in AssetSubject.objects.filter(subject=subject_id)
    }


def asset_part(asset: Asset) -> dict[str, Any]:
    """What is known of an asset, redacted as everywhere; its retention dates as the rules are."""
    return {
        "id": str(asset.pk),
        "collection": asset.collection.name,
        "title": asset.title,
        "modality": asset.modality,
        "state": asset.state,
        "reason": asset.reason,
        "source": asset.source,
        "metadata": asset.metadata,
        "captured_at": text_of(asset.captured_at),
        "received_at": text_of(asset.created_at),
        "original": "kept" if asset.raw_state == RawState.KEPT else "destroyed",
        "redacted_in_it": asset.redactions,
        "kept_until": _dates(asset),
    }


def provenance_part(asset_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """What was done to each asset, by which component."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for some in pieces(asset_ids):
        for row in ProvenanceStep.objects.filter(asset_id__in=some).order_by("id"):
            step = {"at": text_of(row.at), "step": row.step, "by": row.component}
            found[row.asset_id].append(step | {"version": row.version})
    return found


def words_of(asset_id: UUID) -> Iterator[str]:
    """What is said in a sound or written in a picture, redacted, in order."""
    rows = Segment.objects.filter(asset_id=asset_id, modality="text").order_by("ordinal")
    yield from rows.values_list("text", flat=True).iterator()


def found_part(asset_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """When each asset came up in a search, for which purpose, and in which role, not who, searched.

    The role is the one held now: of somebody whose grants are gone it is not known any more.
    """
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for some in pieces(asset_ids):
        hits = list(
            Influence.objects.filter(asset_id__in=some)
            .order_by("record__at")
            .values_list(
                "asset_id",
                "collection_id",
                "consent",
                "record__at",
                "record__parameters",
                "record__user_id",
            )
        )
        roles = _roles({row[5] for row in hits if row[5] is not None}, {row[1] for row in hits})
        for asset_id, collection_id, consent, at, parameters, user_id in hits:
            found[asset_id].append(
                {
                    "at": text_of(at),
                    "purpose": str(parameters.get("purpose") or "not named"),
                    "role": roles.get(user_id, {}).get(collection_id, "no longer known"),
                    "ground": consent,
                }
            )
    return found


def seen_part(asset_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """When each asset was looked at, and whether it was the original."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for some in pieces(asset_ids):
        rows = LedgerEntry.objects.filter(
            event__in=_VIEWS, refs__asset__in=[str(one) for one in some]
        )
        for refs, at, event in rows.order_by("seq").values_list("refs", "at", "event"):
            found[UUID(refs["asset"])].append({"at": text_of(at), "what": event})
    return found


def ledger_part(subject_id: UUID) -> list[dict[str, Any]]:
    """Entries about the person, the oldest first, with what was written under the person's key.

    What was written under another person's key is that person's, and is left out.
    """
    areas = Q()
    for area in _AREAS:
        areas |= Q(event__startswith=area)
    named = Q(refs__subject=str(subject_id)) | Q(refs__subject__contains=[str(subject_id)])
    rows = LedgerEntry.objects.filter(areas, named).order_by("seq")
    return [_entry(row, subject_id) for row in rows]


def candidates_part(subject: DataSubject, linked: Iterable[UUID]) -> dict[str, int]:
    """Assets that once held the person's identifier and are linked to nobody: how many.

    Nothing else of them: whether they are about this person is not decided yet. Goes through all
    blind indexes.
    """
    counted = Counter(
        ErasureCandidate.objects.filter(request__subject=subject.pk)
        .order_by()
        .values_list("decision", flat=True)
    )
    identifier = identifier_of(subject)
    found = blind_lookup(forms) if identifier and (forms := forms_of(identifier)) else []
    living = 0
    for some in pieces(sorted(set(found) - set(linked))):
        living += Asset.objects.filter(id__in=some).exclude(state=State.ERASED).count()
    return {
        "found_now_but_not_linked": living,
        "reviewed_and_included": counted.get("include", 0),
        "reviewed_and_excluded": counted.get("exclude", 0),
        "waiting_for_review": counted.get("open", 0),
    }


def recipients_part(collection_ids: Iterable[UUID], consents: list[dict[str, Any]]) -> list[str]:
    """Categories of those to whom the data can become known: roles, by collection and number."""
    wanted = list(collection_ids)
    names = dict(Collection.objects.filter(id__in=wanted).values_list("id", "name"))
    held_by: Counter[tuple[UUID, str]] = Counter()
    in_force = _grants(wanted).select_related("team").prefetch_related("team__members")
    for grant in in_force:
        people = grant.team.members.count() if grant.team is not None else 1
        originals = " with originals" if grant.raw else ""
        held_by[grant.collection_id, f"{grant.role}{originals}"] += people
    found = [
        f"{number} with the role {role} in the collection “{names.get(collection, '')}”"
        for (collection, role), number in sorted(held_by.items(), key=str)
    ]
    named = {one for record in consents for one in record["recipients"]}
    return [*found, *sorted(named)]


def pieces(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """At most ``IDS_A_QUERY`` at once."""
    for first in range(0, len(ids), IDS_A_QUERY):
        yield ids[first : first + IDS_A_QUERY]


def _dates(asset: Asset) -> dict[str, str | None]:
    policy = asset.collection.retention_policy
    rules = policy.rules if policy else []
    dates = {"original": text_of(asset.raw_kept_until)}
    for what in _DATED:
        which = {"what": what, "modality": asset.modality, "state": asset.state}
        days = after_days(rules, **which)
        since = asset.state_changed_at if has_state_rule(rules, **which) else asset.created_at
        dates[what] = None if days is None else text_of(since + timedelta(days=days))
    return dates


def _entry(row: LedgerEntry, subject_id: UUID) -> dict[str, Any]:
    person = person_of(row.payload)
    said: dict[str, Any] | None = None
    if person is None or person.id == subject_id:
        try:
            said = payload_read(event=row.event, payload=row.payload)
        except DecryptionError:
            said = None
    return {
        "number": row.seq,
        "at": text_of(row.at),
        "event": row.event,
        "by": "the appliance" if row.actor is None else "a person",
        "said": said or {},
    }


def _grants(collections: Iterable[UUID]) -> QuerySet[Grant]:
    """Grants in force in these collections."""
    now = timezone.now()
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return Grant.objects.filter(running, collection_id__in=list(collections))


def _roles(users: set[UUID], collections: set[UUID]) -> dict[UUID | None, dict[UUID, str]]:
    """The strongest reading role that each of the users holds in each collection now."""
    teams: dict[UUID | None, list[UUID]] = defaultdict(list)
    for team, user in Membership.objects.filter(user_id__in=users).values_list("team", "user"):
        teams[team].append(user)
    held_now: dict[UUID | None, dict[UUID, set[str]]] = defaultdict(lambda: defaultdict(set))
    wanted = Q(user_id__in=users) | Q(team_id__in=list(teams))
    for grant in _grants(collections).filter(wanted):
        people = teams[grant.team_id] if grant.team_id else [grant.user_id]
        for one in people:
            held_now[one][grant.collection_id].add(grant.role)
    return {
        user: {pk: next(role for role in _STRONGEST if role in roles) for pk, roles in of.items()}
        for user, of in held_now.items()
    }
