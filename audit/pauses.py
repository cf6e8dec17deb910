"""Pauses of retention: for a while nothing is purged, on the whole appliance or in one collection.

What belongs to people who search (kept queries, blind indexes' keys) goes on time all the same: a
pause is about holdings. Inside ``retrieval.scope.system``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import ledger
from audit.errors import AuditError
from audit.hold_models import RetentionPause
from audit.holds import destruction_stops, reason_clean

LONGEST = timedelta(days=366)  # so that nobody switches retention off and forgets it


class PauseMissing(AuditError):
    """No pause in force has this id, or none that the caller may know of."""

    status = 404


class PauseInvalid(AuditError):
    """A pause that cannot be meant so; ``fields`` says where."""

    status = 400


@transaction.atomic
def pause_place(
    *, actor: UUID | None, reason: str, until: datetime, collection: UUID | None = None
) -> RetentionPause:
    """A pause from now on; when this commits, nothing more is purged that it covers. Recorded.

    Raises:
        PauseInvalid: it ends in the past, or further away than ``LONGEST``.
        HoldInvalid: no usable reason.
    """
    cleaned = reason_clean(reason)
    now = timezone.now()
    if not now < until <= now + LONGEST:
        complaint = f"A day from now on, at most {LONGEST.days} days ahead."
        raise PauseInvalid("It must end.", fields={"until": [complaint]})
    destruction_stops()
    pause = RetentionPause.objects.create(
        collection=collection, reason=cleaned, placed_by=actor, placed_at=now, until=until
    )
    ledger.record(event="retention:purge:pause", actor=actor, refs=_refs(pause))
    return pause


@transaction.atomic
def pause_end(*, actor: UUID | None, pause_id: UUID) -> RetentionPause:
    """The pause, ended before its time. Recorded.

    Raises:
        PauseMissing: there is none, or it is over.
    """
    pause = pauses_in_force().select_for_update().filter(id=pause_id).first()
    if pause is None:
        raise PauseMissing("There is no such pause in force.")
    pause.ended_at, pause.ended_by = timezone.now(), actor
    pause.save(update_fields=["ended_at", "ended_by"])
    ledger.record(event="retention:purge:resume", actor=actor, refs=_refs(pause))
    return pause


def pauses_in_force() -> QuerySet[RetentionPause]:
    """Those that hold now, the newest first."""
    return RetentionPause.objects.filter(ended_at=None, until__gt=timezone.now())


def everything_paused() -> bool:
    """Whether the whole appliance is paused. One query."""
    return pauses_in_force().filter(collection=None).exists()


def paused_collections() -> set[UUID]:
    """Collections with a pause of their own. One query."""
    named = pauses_in_force().filter(collection__isnull=False)
    return {one for one in named.values_list("collection", flat=True) if one is not None}


def _refs(pause: RetentionPause) -> dict[str, ledger.Ref]:
    named = {} if pause.collection is None else {"collection": pause.collection}
    return {"pause": pause.id, **named}
