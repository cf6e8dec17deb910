"""What is logged about a person, for that person: all of it, page by page, and until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, QuerySet
from django.utils import timezone

from accounts import trail
from accounts.models import User
from audit.actor_periods import name_until
from audit.actors import actors_of
from audit.crypto import DecryptionError
from audit.disclosure_models import Disclosure
from audit.ledger import payload_read
from audit.models import Actor, LedgerEntry, SearchRecord
from audit.monitoring_models import AnomalyFlag
from retrieval import scope
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.models import Collection
from retrieval.selectors.disclosures import disclosure_views, disclosures_about
from retrieval.selectors.feedback import Judged, feedback_list
from retrieval.selectors.monitoring import flags_about
from retrieval.services.feedback_retention import feedback_period

# What there is of a person, with until when it is kept, in one sentence each.
KINDS: Final[Mapping[str, str]] = {
    "searches": "The words asked are kept for a short time. The rest of the record stays; it leads"
    " to you until the date given.",
    "uploads": "The ledger's entries stay; they lead to you until the date given.",
    "views": "Each look at a rendition or an original, with the reason you gave. The entries stay;"
    " they lead to you until the date given.",
    "feedback": "What you said of hits goes after the period of each collection, or when you take"
    " it back.",
    "disclosures": "Whenever somebody asked to read what you had asked, in which role and why. It"
    " leads to you until the date given.",
    "flags": "What was found unusual in what you did, under a named agreement. A flag is deleted"
    " on the date given, or with the agreement.",
    "entries": "Everything in the ledger that you did. The entries stay; they lead to you until"
    " the date given.",
}
_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "uploads": ("ingest:asset:upload",),
    "views": ("content:raw:view", "content:rendition:view", "content:rendition:download"),
}


@dataclass(frozen=True)
class Trace:
    """One thing that is known of a person, by ids.

    ``until``: how long it is there, or leads to the person.
    """

    id: str
    at: datetime
    event: str
    refs: dict[str, Any]
    detail: dict[str, Any]
    until: datetime | None


@dataclass(frozen=True)
class TraceList:
    """One of ``KINDS``: how many there are, and a sentence on how long they are kept."""

    what: str
    count: int
    kept: str


@dataclass(frozen=True)
class Traces:
    """Counts, and until when. ``actor`` is the random id that stands for the person in the ledger.

    Entries of the ledger stay; they stop leading to the person when the actor's key is destroyed,
    for what is done today at ``name_until``. ``queries_kept_until`` is when the last of the kept
    queries is destroyed.
    """

    actor: UUID
    name_until: datetime | None
    ledger_entries: int
    searches: int
    queries_kept: int
    queries_kept_until: datetime | None
    latest: list[LedgerEntry]
    feedback: int  # votes on hits
    words_shared: int  # of them, those that let stewards see the words
    latest_feedback: list[Judged]
    lists: list[TraceList] = field(default_factory=list)


def traces_of(*, user: User, latest: int = 50) -> Traces:
    """What the ledger and the search records hold of ``user``'s own doing.

    In ``scope.user``; some fifteen queries.
    """
    actor = trail.actor_id(user)
    entries = _entries(user)
    records = SearchRecord.objects.filter(user_id=user.pk)
    votes = Feedback.objects.filter(user=user)
    kept = records.filter(kept_until__gt=timezone.now())
    found = Actor.objects.filter(id=actor).first()
    return Traces(
        actor=actor,
        name_until=name_until(found) if found else None,
        ledger_entries=entries.count(),
        searches=records.count(),
        queries_kept=kept.count(),
        queries_kept_until=kept.aggregate(last=Max("kept_until"))["last"],
        latest=list(entries[:latest]),
        feedback=votes.count(),
        words_shared=LabelledQuery.objects.filter(feedback__in=votes).count(),
        latest_feedback=feedback_list(user=user, limit=latest),
        lists=[TraceList(what, _count(user, what), kept) for what, kept in KINDS.items()],
    )


def trace_rows(*, user: User, what: str) -> QuerySet[Any]:
    """What there is of ``user`` of one of ``KINDS``, newest first.

    Evaluate it, and call ``traces_shown`` with a page of it, inside ``retrieval.scope.system`` for
    disclosures and flags, else in ``scope.user``; ``reading`` opens the right one.
    """
    if what == "searches":
        records = SearchRecord.objects.filter(user_id=user.pk).order_by("-at", "id")
        return records.defer("kept_query", "held_query", "query_hmac", "basis")
    if what == "feedback":
        votes = Feedback.objects.filter(user=user).order_by("-at", "-id")
        return votes.select_related("labelled")
    if what == "disclosures":
        return disclosures_about(user=user)
    if what == "flags":
        return flags_about(user=user)
    entries = _entries(user)
    return entries.filter(event__in=_EVENTS[what]) if what in _EVENTS else entries


def reading(*, user: User, what: str) -> Any:
    """The scope in which rows of ``what`` that are ``user``'s own can be read."""
    about = what in {"disclosures", "flags"}  # others wrote them; only the appliance reads those
    return scope.system() if about else scope.user(user.pk)


def traces_shown(*, user: User, what: str, rows: Sequence[Any]) -> list[Trace]:
    """A page of ``trace_rows`` in words. Two queries at most, none a row."""
    if what == "feedback":
        return _votes(rows)
    names = _names(user)
    if what == "disclosures":
        return _disclosures(user, rows, names)
    shown: Mapping[str, Callable[[Any, Mapping[UUID, datetime | None]], Trace]]
    shown = {"searches": _search, "flags": _flag}
    return [shown.get(what, _entry)(row, names) for row in rows]


def _entries(user: User) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(actor__in=actors_of(user.pk)).order_by("-seq")


def _count(user: User, what: str) -> int:
    with reading(user=user, what=what):
        return trace_rows(user=user, what=what).count()


def _names(user: User) -> dict[UUID, datetime | None]:
    """Until when each of the user's ids leads to the user."""
    found = Actor.objects.filter(id__in=actors_of(user.pk))
    return {actor.pk: name_until(actor) for actor in found}


def _search(record: SearchRecord, names: Mapping[UUID, datetime | None]) -> Trace:
    kept = record.kept_until
    detail = {
        "asked_with": record.query_modality,
        "modalities": list(record.modalities),
        "models": list(record.models_used),
        "purpose": str(record.parameters.get("purpose") or ""),
        "confident": record.confident,
        "hits": record.hit_count,
        "query_kept_until": kept.isoformat() if kept and kept > timezone.now() else None,
    }
    refs = {"search": str(record.pk), "collection": [str(one) for one in record.collections]}
    until = names.get(record.actor)
    return Trace(str(record.pk), record.at, "search:query:run", refs, detail, until)


def _entry(entry: LedgerEntry, names: Mapping[UUID, datetime | None]) -> Trace:
    try:
        said = payload_read(event=entry.event, payload=entry.payload)
    except DecryptionError:
        said = None
    # What is about somebody else was sealed for that person; of the own words only the reason.
    own = {name: said[name] for name in ("reason",) if said and name in said}
    until = names.get(entry.actor) if entry.actor else None
    mine = own if entry.event in _EVENTS["views"] else {}
    return Trace(str(entry.seq), entry.at, entry.event, dict(entry.refs), mine, until)


def _flag(flag: AnomalyFlag, names: Mapping[UUID, datetime | None]) -> Trace:
    del names
    detail = {"kind": flag.kind, "until": flag.until.isoformat(), **flag.evidence}
    refs = {"agreement": str(flag.agreement_id)}
    return Trace(str(flag.pk), flag.since, "search:monitoring:flag", refs, detail, flag.expires_at)


def _disclosures(
    user: User, rows: Sequence[Disclosure], names: Mapping[UUID, datetime | None]
) -> list[Trace]:
    searchers = {row.pk: row.searcher for row in rows}
    return [
        Trace(
            id=str(view.id),
            at=view.requested_at,
            event="search:query:disclose" if view.times_shown else "search:disclosure:request",
            refs={"search": str(view.search)},
            detail={
                "state": view.state,
                "reason": view.reason,
                "requested_by": view.requester_role,
                "decided_by": view.decider_role or None,
                "decided_at": view.decided_at.isoformat() if view.decided_at else None,
                "times_read": view.times_shown,
            },
            until=names.get(searchers[view.id]),
        )
        for view in disclosure_views(user=user, rows=rows, about_me=True)
    ]


def _votes(rows: Sequence[Feedback]) -> list[Trace]:
    with scope.system():  # the periods of collections, some of which may be closed to the voter now
        wanted = {row.collection_id for row in rows if row.collection_id is not None}
        found = Collection.objects.filter(id__in=wanted).select_related("retention_policy")
        rules = {
            one.pk: one.retention_policy.rules if one.retention_policy else [] for one in found
        }
    return [
        Trace(
            id=f"{row.search_id}/{row.rank}",
            at=row.at,
            event="search:feedback:give",
            refs={
                "search": str(row.search_id),
                **({"asset": str(row.asset_id)} if row.asset_id else {}),
            },
            detail={
                "rank": row.rank,
                "relevant": row.relevant,
                "words_shared": hasattr(row, "labelled"),
            },
            until=row.at + _period(row, rules),
        )
        for row in rows
    ]


def _period(vote: Feedback, rules: Mapping[UUID, list[dict[str, Any]]]) -> timedelta:
    of_collection = None if vote.collection_id is None else rules.get(vote.collection_id, [])
    return feedback_period(rules=of_collection, modality=vote.target_modality)
