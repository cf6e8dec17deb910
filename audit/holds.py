"""Legal holds: placing and releasing them, and the lock that lets none slip in between.

A hold always wins: over periods, requests and clicks. Whoever destroys something calls
``holds_still`` first, in the same transaction, and only then looks for holds: until that
transaction ends nobody can place another one. Whoever places a hold waits for those that destroy
at that moment, so that the hold is in force from its commit on and says truly what it holds.

All of it runs inside ``retrieval.scope.system``: row-level security shows holds to nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit import ledger, second_person
from audit.errors import AuditError
from audit.held_queries import query_hold, query_unhold
from audit.hold_models import HELD_THINGS, LegalHold

REASON_LENGTH = 500
_LOCK = 0x686F6C6473  # one number among our advisory locks


class HoldMissing(AuditError):
    """No hold has this id, or none that the caller may know of."""

    status = 404


class HoldReleased(AuditError):
    """The hold was released before."""

    status = 409


class HoldInvalid(AuditError):
    """A hold that cannot be meant so; ``fields`` says where."""

    status = 400


@dataclass(frozen=True)
class Held:
    """What a hold is on: exactly one of these ids."""

    subject: UUID | None = None
    asset: UUID | None = None
    collection: UUID | None = None
    query: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse none and several."""
        if len(self.named) != 1:
            complaint = f"Name exactly one of: {', '.join(HELD_THINGS)}."
            raise HoldInvalid("A hold is on one thing.", fields={"subject": [complaint]})

    @property
    def named(self) -> dict[str, UUID]:
        """The one that is given, by its name."""
        found = {name: getattr(self, name) for name in HELD_THINGS}
        return {name: one for name, one in found.items() if one is not None}


def holds_still() -> None:
    """From now to the end of the caller's transaction nobody places a hold.

    Waits for one that is being placed. Look for holds after this, never before.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")


def destruction_stops() -> None:
    """From now to the end of the caller's transaction nobody who asks for holds destroys anything.

    Waits for those that are at it: a batch of a purge, an erasure.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")


@transaction.atomic
def hold_place(*, actor: UUID | None, on: Held, reason: str, home: UUID | None = None) -> LegalHold:
    """A new hold with its ledger entry; in force when the caller's transaction commits.

    ``home`` is the collection whose stewards may know of it. A kept query under it gets a key of
    its own, so that it outlasts the key it shares with others.

    Raises:
        HoldInvalid: no usable reason.
    """
    cleaned = reason_clean(reason)
    destruction_stops()
    hold = LegalHold.objects.create(home=home, reason=cleaned, placed_by=actor, **on.named)
    if on.query is not None:
        query_hold(search_id=on.query)
    ledger.record(event="hold:hold:place", actor=actor, refs=_refs(hold))
    return hold


@transaction.atomic
def hold_release(*, actor: UUID | None, hold_id: UUID, reason: str) -> LegalHold:
    """The hold, released, with its ledger entry. What another hold holds stays held.

    Raises:
        HoldMissing, HoldReleased, HoldInvalid
        SecondPersonNeeded: whoever placed it cannot release it.
    """
    cleaned = reason_clean(reason)
    hold = LegalHold.objects.select_for_update().filter(id=hold_id).first()
    if hold is None:
        raise HoldMissing("There is no such hold.")
    if hold.state == LegalHold.State.RELEASED:
        raise HoldReleased("The hold was released before.")
    second_person.require_other(first=hold.placed_by, second=actor, what="hold_release")
    hold.state = LegalHold.State.RELEASED
    hold.released_by, hold.released_at, hold.release_reason = actor, timezone.now(), cleaned
    hold.save()
    if hold.query is not None and not holds_on(query=hold.query):
        query_unhold(search_id=hold.query)
    ledger.record(event="hold:hold:release", actor=actor, refs=_refs(hold))
    return hold


def holds_on(
    *,
    subject: UUID | None = None,
    asset: UUID | None = None,
    collection: UUID | None = None,
    query: UUID | None = None,
) -> list[UUID]:
    """Ids of the holds in force on exactly this thing, oldest first.

    Not those that reach it through something else: see ``retrieval.selectors.holds``.
    """
    on = Held(subject=subject, asset=asset, collection=collection, query=query)
    active = LegalHold.objects.filter(state=LegalHold.State.ACTIVE, **on.named)
    return list(active.order_by("placed_at", "id").values_list("id", flat=True))


def reason_clean(reason: str) -> str:
    """The reason on one line.

    Raises:
        HoldInvalid: there is none, or it is too long.
    """
    cleaned = " ".join(reason.split())
    if not 1 <= len(cleaned) <= REASON_LENGTH:
        complaint = f"Say why, in 1 to {REASON_LENGTH} characters."
        raise HoldInvalid("A reason is needed.", fields={"reason": [complaint]})
    return cleaned


def _refs(hold: LegalHold) -> dict[str, ledger.Ref]:
    refs: dict[str, ledger.Ref] = {"hold": hold.id}
    for name in HELD_THINGS:
        held = getattr(hold, name)
        if held is not None:
            refs["search" if name == "query" else name] = held
    if hold.home is not None:
        refs["collection"] = hold.home
    return refs
