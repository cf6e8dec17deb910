"""How long a name stands behind an id of the ledger, and what ends it.

A user acts under one id for a twelfth of the period (``VITRINE_ACTOR_PERIOD_DAYS``, by default a
year). Then the id retires: the user gets another one, and what leads from the old id to the name
is destroyed one period later. Who did something can so be told for a year, and at most for a
thirteenth month; then the entries stay, under an id that leads to nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit import ledger
from audit.actors import unremember
from audit.keystore import default_keystore
from audit.models import Actor, SearchRecord
from audit.retention import ledger_days

logger = structlog.get_logger("vitrine.ledger")

SHARES = 12  # of a period that one id is used for
_AT_ONCE = 500
_RECORDS_AT_ONCE = 5000


def period() -> timedelta:
    """How long a name lasts after its id was retired.

    The setting's, or that of the shortest rule of any retention policy about the ledger. One query.
    """
    days: int = settings.VITRINE_ACTOR_PERIOD_DAYS
    asked = ledger_days()
    return timedelta(days=days if asked is None else min(days, asked))


def name_until(actor: Actor) -> datetime | None:
    """Until when an id leads to a name at most; None where it leads to none any more."""
    if not bytes(actor.identity):
        return None
    return (actor.retired_at or actor.created_at + period() / SHARES) + period()


def actors_retire(*, now: datetime | None = None) -> int:
    """How many ids were retired because they have been in use long enough."""
    limit = (now or timezone.now()) - period() / SHARES
    due = Actor.objects.filter(blind__isnull=False, created_at__lt=limit)
    ids = list(due.values_list("id", flat=True)[:_AT_ONCE])
    retired = Actor.objects.filter(id__in=ids, blind__isnull=False).update(
        retired_blind=F("blind"), blind=None, retired_at=now or timezone.now()
    )
    for actor in ids:
        unremember(actor)
    return retired


def actors_expire(*, now: datetime | None = None) -> int:
    """How many ids lost their name because their period is over, at most 500; keys are destroyed.

    Whoever is cut off amid one does it again: the row is found until all of it has happened.
    """
    limit = (now or timezone.now()) - period()
    due = Actor.objects.filter(retired_at__lt=limit).exclude(identity=b"")
    ids = list(due.values_list("id", flat=True)[:_AT_ONCE])
    for actor in ids:
        _expire(actor)
    if ids:
        logger.info("actors_expired", count=len(ids))
    return len(ids)


def _expire(actor: UUID) -> None:
    while True:  # in batches, each its own transaction
        batch = SearchRecord.objects.filter(actor=actor, user_id__isnull=False)
        found = list(batch.values_list("id", flat=True)[:_RECORDS_AT_ONCE])
        if not found:
            break
        SearchRecord.objects.filter(id__in=found).update(user_id=None)
    default_keystore().destroy("actor", str(actor))
    with transaction.atomic():
        changed = (
            Actor.objects.filter(id=actor)
            .exclude(identity=b"")
            .update(retired_blind=None, blind=None, identity=b"")
        )
        if changed:
            ledger.record(event="audit:actor:expire", actor=None, refs={"actor": str(actor)})
