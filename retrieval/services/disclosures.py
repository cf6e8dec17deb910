"""Telling somebody what somebody else asked: with a reason, by two people, for a short time.

The reason is kept under the searcher's own key, since it is about the searcher, who is told of the
disclosure, in which role people asked and decided, and why. What was asked is decrypted from the
record at each look, written nowhere, and shown to nobody but who requested it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger, second_person
from audit.actors import same_person
from audit.crypto import encrypt_small
from audit.disclosure_models import Disclosure
from audit.held_queries import held_query
from audit.keystore import KeyDestroyed, default_keystore
from audit.ledger import PersonalTo
from audit.models import SearchRecord
from audit.scope import AuditScope
from audit.searches import kept_query
from audit.selectors import search_record_list
from retrieval import scope
from retrieval.audit_scope import audit_scope
from retrieval.errors import Conflict, Gone, Invalid, NotAllowed, NotVisible
from retrieval.services.search.kept import Kept, kept_read

LEAST_REASON, MOST_REASON = 10, 1000
PURPOSE = "disclosure"
GOVERNOR, STEWARD = "governor", "steward"
_WAITS_WHERE_HELD = timedelta(days=30)
_NOT_KEPT = "The query is not kept any more."


@dataclass(frozen=True)
class Disclosed:
    """What was asked, as long as ``shown_until`` lies ahead: redacted words, the asset asked with.

    ``filters`` has what was filtered by. Never written down, logged or cached.
    """

    disclosure: Disclosure
    modality: str
    text: str | None = field(repr=False)
    asset: UUID | None
    filters: dict[str, Any] = field(repr=False)


def disclosure_request(*, by: User, search_id: UUID, reason: str) -> Disclosure:
    """A wish to read a kept query, recorded with its reason; granted at once where one is enough.

    Governors, and stewards of a collection that was searched.

    Raises:
        NotVisible: no such search for ``by``. Conflict: it is ``by``'s own, or asked for already.
        Gone: the query is not kept any more. Invalid: no reason that says anything.
    """
    stated = _reason(reason)
    held = audit_scope(user=by)
    record = search_record_list(scope=held).filter(id=search_id).first()
    if record is None:
        raise NotVisible("There is no such search.")
    if record.user_id == by.pk:
        raise Conflict("It is your own search: its record shows you what you asked.")
    me = actor_id(by)
    with scope.system():
        made = _create(record, me, _role(held), stated)
        _note("search:disclosure:request", me, made, record, {"reason": stated})
        if not second_person.needed("disclosure"):
            _approve(made, record, me, _role(held))
    return made


def disclosure_decide(*, by: User, disclosure_id: UUID, approve: bool) -> Disclosure:
    """The request as another person decided it; approved, it can be read for a short time.

    Decided by a governor, or by a steward of every collection that was searched; never by the
    searcher, nor by who asked.

    Raises:
        NotVisible, NotAllowed, SecondPersonNeeded: it is not ``by``'s to decide.
        Conflict: it was decided before. Gone: the query is not kept any more.
    """
    held = audit_scope(user=by)
    me = actor_id(by)
    with scope.system():
        made, record = _locked(disclosure_id, held)
        if record is None:
            raise NotVisible("There is no such request.")
        _may_decide(by, held, record)
        if made.state != Disclosure.State.REQUESTED:
            raise Conflict(f"It has been {made.state} already.")
        second_person.require_other(first=made.requested_by, second=me, what="disclosure")
        if _query(record) is None:
            lapsed = True
            Disclosure.objects.filter(id=made.pk).update(state=Disclosure.State.LAPSED)
        else:
            lapsed = False
            (_approve if approve else _refuse)(made, record, me, _role(held))
    if lapsed:
        raise Gone(_NOT_KEPT)
    return made


def disclosure_read(*, by: User, disclosure_id: UUID) -> Disclosed:
    """What was asked, for who requested it, while it is shown. Each look is recorded.

    Raises:
        NotVisible: no such request of ``by``'s. NotAllowed: not granted, or somebody else's.
        Gone: its time is over.
    """
    held = audit_scope(user=by)
    me = actor_id(by)
    with scope.system():
        made, record = _locked(disclosure_id, held)
        if record is None:
            raise NotVisible("There is no such request.")
        if not same_person(made.requested_by, me):
            raise NotAllowed("It is shown to whoever requested it.")
        if made.state != Disclosure.State.APPROVED:
            raise NotAllowed("Nobody has approved it.")
        kept = _query(record)
        if kept is None or made.shown_until is None or made.shown_until <= timezone.now():
            raise Gone("The time in which it could be read is over.")
        made.times_shown += 1
        made.save(update_fields=["times_shown"])
        _note("search:query:disclose", me, made, record, {"times": made.times_shown})
    return _told(made, record, kept)


def disclosable(record: SearchRecord) -> bool:
    """Whether the query is still kept, by its period or by a legal hold. Decrypts nothing."""
    kept = record.kept_until is not None and record.kept_until > timezone.now()
    return kept or record.held_query is not None


def shown_for() -> timedelta:
    """How long an approved query can be read."""
    return timedelta(minutes=settings.VITRINE_DISCLOSURE_MINUTES)


def _query(record: SearchRecord) -> Kept | None:
    """What is kept of the query, also beyond its time where a legal hold keeps it."""
    data = kept_query(record) or held_query(record)
    return None if data is None else kept_read(data)


def _reason(reason: str) -> str:
    stated = " ".join(reason.split())
    if not LEAST_REASON <= len(stated) <= MOST_REASON:
        message = f"Say why, in {LEAST_REASON} to {MOST_REASON} characters."
        raise Invalid(message, fields={"reason": [message]})
    return stated


def _role(held: AuditScope) -> str:
    return GOVERNOR if held.everything else STEWARD


def _create(record: SearchRecord, me: UUID, role: str, reason: str) -> Disclosure:
    if _query(record) is None:
        raise Gone(_NOT_KEPT)
    # A query under a legal hold outlasts its time; the wish to read it does not wait for ever.
    made = Disclosure(
        search=record.pk,
        searcher=record.actor,
        requested_by=me,
        requester_role=role,
        kept_until=record.kept_until or timezone.now(),
    )
    if record.held_query is not None:
        made.kept_until = timezone.now() + _WAITS_WHERE_HELD
    try:
        key = default_keystore().get("actor", str(record.actor))
    except KeyDestroyed:
        raise Gone("Nobody is known to have made this search any more.") from None
    made.reason = encrypt_small(key, reason.encode(), purpose=PURPOSE, object_id=str(made.pk))
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        raise Conflict("You have asked for this already; it waits for a decision.") from None
    return made


def _locked(disclosure_id: UUID, held: AuditScope) -> tuple[Disclosure, SearchRecord | None]:
    made = Disclosure.objects.select_for_update().filter(id=disclosure_id).first()
    if made is None:
        raise NotVisible("There is no such request.")
    return made, search_record_list(scope=held).filter(id=made.search).first()


def _may_decide(by: User, held: AuditScope, record: SearchRecord) -> None:
    if record.user_id == by.pk:
        raise NotAllowed("It is your own search; somebody else decides.")
    if not held.everything and not set(record.searched_in) <= held.collections:
        raise NotAllowed("The search went beyond your collections; a governor decides.")


def _approve(made: Disclosure, record: SearchRecord, me: UUID, role: str) -> None:
    made.state = Disclosure.State.APPROVED
    made.shown_until = timezone.now() + shown_for()
    _decided(made, record, me, role, "approve")


def _refuse(made: Disclosure, record: SearchRecord, me: UUID, role: str) -> None:
    made.state = Disclosure.State.REFUSED
    _decided(made, record, me, role, "refuse")


def _decided(made: Disclosure, record: SearchRecord, me: UUID, role: str, how: str) -> None:
    made.decided_by, made.decider_role, made.decided_at = me, role, timezone.now()
    made.save()
    _note(f"search:disclosure:{how}", me, made, record, {"requested_by": str(made.requested_by)})


def _note(
    event: str, me: UUID, made: Disclosure, record: SearchRecord, payload: dict[str, Any]
) -> None:
    """``collection`` where they are few, as in the search's own entry, so that stewards find it."""
    ledger.record(
        event=event,
        actor=me,
        refs={"search": record.pk, "disclosure": made.pk, "collection": record.collections},
        payload=payload,
        personal_to=PersonalTo("actor", record.actor),
    )


def _told(made: Disclosure, record: SearchRecord, kept: Kept) -> Disclosed:
    filters = {
        name: str(value)
        for name, value in (
            ("captured_after", kept.filters.captured_after),
            ("captured_before", kept.filters.captured_before),
            ("source", kept.filters.source),
        )
        if value
    }
    return Disclosed(
        disclosure=made,
        modality=record.query_modality,
        text=kept.text,
        asset=kept.asset,
        filters=filters,
    )
