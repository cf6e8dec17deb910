"""The record of each purge: begun, gone on with after a crash, tallied as it goes, finished.

A tally is written in the transaction that destroys, so that a run that died and went on counts
everything once. Inside ``retrieval.scope.system``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit import ledger
from audit.hold_models import PurgeRun

_ADD = """
    INSERT INTO audit_purgetally (run_id, what, collection, purged, held, paused, failed)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, what, collection) DO UPDATE SET
        purged = audit_purgetally.purged + excluded.purged,
        held = excluded.held, paused = excluded.paused,
        failed = audit_purgetally.failed + excluded.failed
"""


class Note(Protocol):
    """``tally`` of one run, for who purges something else than parts of assets."""

    def __call__(
        self,
        *,
        what: str,
        collection: UUID | None,
        purged: int = 0,
        held: int = 0,
        paused: int = 0,
        failed: int = 0,
    ) -> object:
        """What it returns is not looked at."""


@transaction.atomic
def run_begin(*, by: UUID | None, now: datetime) -> PurgeRun:
    """The run to work on: the one that a dead process left, or else a new one.

    The caller makes sure that it is the only one at it.
    """
    left = PurgeRun.objects.select_for_update().filter(state=PurgeRun.State.RUNNING).first()
    if left is None:
        return PurgeRun.objects.create(by=by, started_at=now, heartbeat_at=now, until=now)
    left.resumed += 1
    left.heartbeat_at = now
    left.save(update_fields=["resumed", "heartbeat_at"])
    return left


def run_refuse(*, by: UUID | None, reason: str) -> None:
    """Notes that nothing was purged, and why; once for each stretch of the same refusal."""
    last = PurgeRun.objects.order_by("-started_at").first()
    if last is not None and last.state == PurgeRun.State.REFUSED and last.reason == reason:
        PurgeRun.objects.filter(id=last.id).update(heartbeat_at=timezone.now())
        return
    now = timezone.now()
    refused = PurgeRun.State.REFUSED
    PurgeRun.objects.create(by=by, state=refused, reason=reason, until=now, finished_at=now)


def run_step(run: PurgeRun, step: str) -> None:
    """Notes which kind the run is at."""
    run.step, run.heartbeat_at = step, timezone.now()
    run.save(update_fields=["step", "heartbeat_at"])


def tally(
    run: PurgeRun,
    *,
    what: str,
    collection: UUID | None,
    purged: int = 0,
    held: int = 0,
    paused: int = 0,
    failed: int = 0,
) -> None:
    """Adds what was destroyed; what was left is as it was counted last. Nothing leaves no row."""
    if not any((purged, held, paused, failed)):
        return
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [run.id, what, collection, purged, held, paused, failed])


@transaction.atomic
def run_finish(run: PurgeRun) -> PurgeRun:
    """The run, finished; in the ledger if it did something or had to leave something.

    Of runs that found nothing to do only the last one is kept.
    """
    run.state, run.step = PurgeRun.State.DONE, ""
    run.finished_at = run.heartbeat_at = timezone.now()
    run.save()
    totals = run_totals(run)
    if totals:
        ledger.record(
            event="retention:purge:run",
            actor=run.by,
            refs={"run": run.id, "collection": _collections(run)},
            payload={what: dict(one) for what, one in totals.items()},
        )
    PurgeRun.objects.filter(
        state=PurgeRun.State.DONE, tallies=None, started_at__lt=run.started_at
    ).delete()
    return run


def run_totals(
    run: PurgeRun, *, collections: Sequence[UUID] | None = None
) -> dict[str, Mapping[str, int]]:
    """What a run destroyed and left, by kind; kinds of which there was nothing are absent.

    ``collections``: in these only.
    """
    found: dict[str, dict[str, int]] = {}
    rows = run.tallies.all()
    for row in rows if collections is None else rows.filter(collection__in=collections):
        one = found.setdefault(row.what, {"purged": 0, "held": 0, "paused": 0, "failed": 0})
        for name in one:
            one[name] += getattr(row, name)
    return {what: one for what, one in found.items() if any(one.values())}


def _collections(run: PurgeRun) -> list[UUID]:
    named = run.tallies.order_by().values_list("collection", flat=True)
    return sorted({one for one in named if one is not None})
