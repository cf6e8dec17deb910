"""Whether the clock can be trusted with destroying things: what is gone too early is gone.

A machine has a second clock that nobody sets: seconds since it started (CLOCK_BOOTTIME, which also
counts sleep). While the machine runs, the clock on the wall must move as that one does; a jump,
forwards or backwards, is seen at the next look. Across a restart only the wall can be asked: it
must not have gone back, and not further ahead than VITRINE_CLOCK_GAP_DAYS. Where it did, nothing is
purged and an alarm stands until the clock is right again or a person says that it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.errors import AuditError
from audit.hold_models import ClockMark

logger = structlog.get_logger("vitrine.clock")

# An administrator who sets the clock right by some minutes needs to tell nobody. Every period is
# counted in days, so that this much too early or too late is within its meaning.
TOLERANCE = timedelta(hours=1)
BACK = "clock-went-back"
AHEAD = "clock-jumped-ahead"
SAID = {
    BACK: "The clock stands before the time of the last purge.",
    AHEAD: "The clock has jumped ahead since the last purge.",
}
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ClockImplausible(AuditError):
    """Nothing is destroyed by this clock; ``code`` says what is wrong with it."""

    status = 409

    def __init__(self, code: str) -> None:
        super().__init__(f"{SAID[code]} Nothing is purged until it is right, or confirmed.")
        self.code = code


@dataclass(frozen=True)
class Moment:
    """Both clocks at once: the wall's, and the seconds since the start called ``boot``."""

    at: datetime
    boot: str
    boot_seconds: float


def moment() -> Moment:
    """Now, by both clocks. Without Linux' clocks ``boot`` is empty and only the wall counts."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
        seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        boot, seconds = "", 0.0
    return Moment(timezone.now(), boot, seconds)


def fault(mark: ClockMark, now: Moment) -> str:
    """What is wrong with the clock since ``mark``: a code, or nothing. Pure."""
    passed = now.at - mark.at
    # Fewer seconds under the same start are those of another container: not to be compared.
    if now.boot and now.boot == mark.boot and now.boot_seconds >= mark.boot_seconds:
        lead = passed - timedelta(seconds=now.boot_seconds - mark.boot_seconds)
        if abs(lead) <= TOLERANCE:
            return ""
        return AHEAD if lead > timedelta(0) else BACK
    if passed < -TOLERANCE:
        return BACK
    return AHEAD if passed > timedelta(days=settings.VITRINE_CLOCK_GAP_DAYS) else ""


def clock_check(*, now: Moment | None = None) -> None:
    """Passes where the clock can be trusted, and remembers it; otherwise sets the alarm.

    In a transaction of its own, so that the alarm stays whatever the caller does.

    Raises:
        ClockImplausible: nothing may be destroyed by this clock.
    """
    now = now or moment()
    with transaction.atomic():
        mark = ClockMark.objects.select_for_update().filter(id=1).first()
        found = "" if mark is None else fault(mark, now)
        if mark is None or not found:
            _remember(now)
        elif mark.alarm != found:
            mark.alarm, mark.alarm_at = found, now.at
            mark.save(update_fields=["alarm", "alarm_at"])
            ledger.record(event="retention:clock:refuse", actor=None, refs={}, payload=_said(found))
    if found:
        logger.error("clock_implausible", code=found)
        raise ClockImplausible(found)


@transaction.atomic
def clock_confirm(*, actor: UUID | None, now: Moment | None = None) -> str:
    """Somebody says that the clock is right: the alarm that stood, or nothing. Recorded."""
    mark = ClockMark.objects.select_for_update().filter(id=1).first()
    alarm = mark.alarm if mark is not None else ""
    _remember(now or moment())
    ledger.record(event="retention:clock:confirm", actor=actor, refs={}, payload=_said(alarm))
    return alarm


def clock_alarm() -> ClockMark | None:
    """The mark with its alarm, where one stands. One query."""
    return ClockMark.objects.filter(id=1).exclude(alarm="").first()


def received_now() -> datetime:
    """The time at which something is received: never before the last time the clock was right.

    So that what comes in while the clock stands years back is not due the moment it is set right.
    """
    mark = ClockMark.objects.filter(id=1).values_list("at", flat=True).first()
    now = timezone.now()
    return now if mark is None else max(now, mark)


def _remember(now: Moment) -> None:
    values = {"at": now.at, "boot": now.boot, "boot_seconds": now.boot_seconds}
    cleared = {"alarm": "", "alarm_at": None}
    ClockMark.objects.update_or_create(id=1, defaults={**values, **cleared})


def _said(code: str) -> dict[str, str]:
    return {"alarm": code} if code else {}
