"""Checkpoints on their way: queued in the database, sent by beat, tried again, and an alarm.

Nothing that a user waits for comes by here: a sink that does not answer delays its own deliveries
and nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Count, F, Max, Min
from django.utils import timezone

from audit import signing
from audit.checkpoint_models import Checkpoint, CheckpointDelivery
from audit.checkpoints.sinks import Sink, SinkError, configured
from audit.rotation import known_keys

logger = structlog.get_logger("vitrine.ledger")

ALARM_AFTER = timedelta(minutes=15)
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_AT_ONCE = 50  # of one sink, so that a round ends


@dataclass(frozen=True)
class Delivered:
    """What a round did."""

    sent: int
    failed: int


@dataclass(frozen=True)
class SinkHealth:
    """How one sink stands. ``alarm``: a checkpoint has waited for it longer than 15 minutes."""

    name: str
    delivered_at: datetime | None
    waiting: int
    oldest: datetime | None
    tries: int
    problem: str
    alarm: bool


def deliver_due(
    *, now: datetime | None = None, sinks: Mapping[str, Sink] | None = None
) -> Delivered:
    """Sends what is due to each sink, the oldest first; stops at a sink's first failure.

    Two rounds at once may send a checkpoint twice, which sinks bear.
    """
    moment = now or timezone.now()
    sent = failed = 0
    keys: dict[str, str] = {}
    for name, sink in (configured() if sinks is None else sinks).items():
        _backfill(name)
        due = CheckpointDelivery.objects.filter(
            sink=name, delivered_at=None, next_try_at__lte=moment
        )
        for one in due.select_related("checkpoint").order_by("checkpoint_id")[:_AT_ONCE]:
            keys = keys or {one: signing.pem_of(key) for one, key in known_keys().items()}
            try:
                sink.send(one.checkpoint.document, keys)
            except SinkError as error:
                _failed(one, str(error), moment)
                failed += 1
                break
            CheckpointDelivery.objects.filter(id=one.pk).update(
                delivered_at=timezone.now(), problem="", tries=F("tries") + 1
            )
            sent += 1
    return Delivered(sent, failed)


def sinks_health(*, now: datetime | None = None) -> list[SinkHealth]:
    """How each configured sink stands. Two queries."""
    moment = now or timezone.now()
    rows = CheckpointDelivery.objects.order_by().values("sink")
    reached = dict(rows.annotate(last=Max("delivered_at")).values_list("sink", "last"))
    waiting = {
        row["sink"]: row
        for row in rows.filter(delivered_at=None).annotate(
            count=Count("id"), oldest=Min("created_at"), tried=Max("tries"), why=Max("problem")
        )
    }
    found = []
    for address in settings.VITRINE_CHECKPOINT_SINKS:
        row: dict[str, Any] = dict(waiting.get(address.name, {}))
        oldest = row.get("oldest")
        found.append(
            SinkHealth(
                name=address.name,
                delivered_at=reached.get(address.name),
                waiting=row.get("count", 0),
                oldest=oldest,
                tries=row.get("tried", 0),
                problem=row.get("why", ""),
                alarm=oldest is not None and moment - oldest > ALARM_AFTER,
            )
        )
    return found


def _backfill(sink: str) -> None:
    """A sink that was configured later gets the newest checkpoint, and so all before it."""
    if CheckpointDelivery.objects.filter(sink=sink).exists():
        return
    newest = Checkpoint.objects.first()
    if newest is not None:
        CheckpointDelivery.objects.bulk_create(
            [CheckpointDelivery(checkpoint=newest, sink=sink)], ignore_conflicts=True
        )


def _failed(one: CheckpointDelivery, problem: str, moment: datetime) -> None:
    wait = min(_FIRST_WAIT * 2 ** min(one.tries, 10), _LONGEST_WAIT)
    CheckpointDelivery.objects.filter(id=one.pk).update(
        tries=F("tries") + 1, next_try_at=moment + wait, problem=problem[:100]
    )
    late = moment - one.created_at > ALARM_AFTER
    tell = logger.error if late else logger.warning
    tell(
        "checkpoint_sink_unreachable",
        sink=one.sink.partition(":")[0],  # its address is the operator's business
        entries=one.checkpoint_id,
        tries=one.tries + 1,
        error=problem,
    )
