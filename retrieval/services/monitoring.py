"""Looking for anomalies in how people search: under a named agreement, and otherwise not at all.

Without an agreement in force nothing is read and nothing is computed. What came before the
agreement is not looked at either, not even to learn what is normal. Its end takes every flag along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.models import LedgerEntry, SearchRecord
from audit.monitoring_models import AnomalyFlag, MonitoringAgreement
from audit.search_audit import anomalies
from audit.search_audit.anomalies import Asked, Found, SlotCount, UsualHours, floored
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed
from retrieval.services.search.kept import kept_query_of

logger = structlog.get_logger("vitrine.monitoring")

RECENT = timedelta(hours=2)  # beat comes every hour
DAY = timedelta(hours=36)  # a local day and the night after it
NORMAL = timedelta(days=28)
QUERIES_A_PERSON = 300  # vectors of at most so many queries are compared, the latest
_REFERENCE = (3, 200)
_SLOTS = """
SELECT actor, date_bin(make_interval(secs => %s), at, 'epoch'), count(*) FROM audit_searchrecord
WHERE at >= %s AND at < %s GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Ran:
    """What a run did: ``agreement`` is None where there is none, and then nothing was done."""

    agreement: UUID | None = None
    flags: int = 0
    queries_compared: int = 0


def agreement_now() -> MonitoringAgreement | None:
    """The agreement in force. One query."""
    return MonitoringAgreement.objects.filter(ended_at=None).first()


@transaction.atomic
def agreement_begin(
    *,
    by: User,
    reference: str,
    agreed_on: date,
    opens: time,
    closes: time,
    weekdays: Sequence[int],
    time_zone: str,
) -> MonitoringAgreement:
    """Monitoring switched on under an agreement that exists; recorded with its reference and date.

    ``weekdays``: 1 is Monday. From this moment on, not for what was before.

    Raises:
        NotAllowed: ``by`` is no governor. Invalid: it names no agreement, or one of the future.
        Conflict: one is in force; end that first.
    """
    _governor(by)
    made = MonitoringAgreement(
        reference=" ".join(reference.split()),
        agreed_on=agreed_on,
        opens=opens,
        closes=closes,
        weekdays=sorted(set(weekdays)),
        time_zone=time_zone,
        begun_by=actor_id(by),
    )
    _check(made)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        raise Conflict("An agreement is in force already; end it first.") from None
    ledger.record(
        event="search:monitoring:begin",
        actor=made.begun_by,
        refs={"agreement": made.pk},
        payload={
            "reference": made.reference,
            "agreed_on": agreed_on.isoformat(),
            "hours": f"{opens:%H:%M}-{closes:%H:%M}",
            "weekdays": made.weekdays,
            "time_zone": time_zone,
        },
    )
    return made


def agreement_end(*, by: User) -> int:
    """Monitoring switched off; how many flags went with it.

    Raises:
        NotAllowed: ``by`` is no governor. Conflict: none is in force.
    """
    _governor(by)
    with scope.system():
        found = MonitoringAgreement.objects.select_for_update().filter(ended_at=None).first()
        if found is None:
            raise Conflict("No agreement is in force.")
        found.ended_at, found.ended_by = timezone.now(), actor_id(by)
        found.save(update_fields=["ended_at", "ended_by"])
        gone, _ = AnomalyFlag.objects.all().delete()
        ledger.record(
            event="search:monitoring:end",
            actor=found.ended_by,
            refs={"agreement": found.pk},
            payload={"flags_deleted": gone},
        )
    return gone


def monitoring_run(*, now: datetime | None = None) -> Ran:
    """Flags for what was unusual in the last two hours. For beat, hourly; twice is harmless.

    Removes flags whose time is over, agreement or not.
    """
    now = now or timezone.now()
    with scope.system():
        AnomalyFlag.objects.filter(expires_at__lte=now).delete()
        # Held, so that an agreement that ends meanwhile takes these flags along too.
        agreement = MonitoringAgreement.objects.select_for_update().filter(ended_at=None).first()
        if agreement is None:
            return Ran()
        # Whole slots, hours and days, so that a later run counts no less than an earlier one.
        begun = agreement.begun_at
        asked = _asked(max(floored(now - RECENT, anomalies.TOGETHER), begun), now)
        views = _raw_views(max(now - DAY, begun), now)
        found = [
            *_bulk(begun, now),
            *anomalies.near_duplicates(asked),
            *anomalies.off_hours(views, hours=hours_of(agreement)),
        ]
        for one in found:
            _flag(agreement, one, now)
        compared = sum(bool(one.vectors) for one in asked)
        if compared or found:
            ledger.record(
                event="search:monitoring:run",
                actor=None,
                refs={"agreement": agreement.pk},
                payload={"flags": len(found), "queries_compared": compared},
            )
    logger.info("monitoring_run", flags=len(found), queries_compared=compared)
    return Ran(agreement=agreement.pk, flags=len(found), queries_compared=compared)


def hours_of(agreement: MonitoringAgreement) -> UsualHours:
    """The hours that the agreement calls usual."""
    return UsualHours(
        opens=agreement.opens,
        closes=agreement.closes,
        weekdays=frozenset(agreement.weekdays),
        zone=ZoneInfo(agreement.time_zone),
    )


def _governor(by: User) -> None:
    if not (by.is_active and by.is_governor):
        raise NotAllowed("Monitoring is switched on and off by governors.")


def _check(made: MonitoringAgreement) -> None:
    least, most = _REFERENCE
    wrong: dict[str, list[str]] = {}
    if not least <= len(made.reference) <= most:
        wrong["reference"] = ["Name the agreement: its title, number or where it is filed."]
    if made.agreed_on > timezone.now().date():
        wrong["agreed_on"] = ["An agreement of the future is none yet."]
    if made.opens == made.closes:
        wrong["closes"] = ["Usual hours begin and end at different times."]
    if not made.weekdays or not set(made.weekdays) <= set(range(1, 8)):
        wrong["weekdays"] = ["1 (Monday) to 7 (Sunday), at least one."]
    try:
        ZoneInfo(made.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wrong["time_zone"] = ["A time zone such as Europe/Vienna."]
    if wrong:
        raise Invalid("The agreement cannot be recorded so.", fields=wrong)


def _bulk(begun: datetime, now: datetime) -> list[Found]:
    start = max(floored(now - RECENT, anomalies.SLOT), begun)
    normal = _slots(max(now - NORMAL, begun), start)
    return anomalies.bulk_probing(normal=normal, recent=_slots(start, now))


def _slots(since: datetime, until: datetime) -> list[SlotCount]:
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS, [anomalies.SLOT.total_seconds(), since, until])
        return [SlotCount(actor, start, count) for actor, start, count in cursor.fetchall()]


def _asked(since: datetime, until: datetime) -> list[Asked]:
    """Searches of people who made enough of them to be looked at, with vectors while kept."""
    least = min(anomalies.SAME_LEAST, anomalies.NEAR_LEAST)
    rows = SearchRecord.objects.filter(at__gte=since, at__lt=until)
    by_person: dict[UUID, list[SearchRecord]] = {}
    for record in rows.order_by("-at").defer("kept_query", "basis", "parameters").iterator():
        by_person.setdefault(record.actor, []).append(record)
    asked = []
    for actor, records in by_person.items():
        if len(records) < least:
            continue
        latest = {one.pk for one in records[:QUERIES_A_PERSON]}
        for one in records:
            kept = kept_query_of(one) if one.pk in latest else None
            vectors = dict(kept.vectors) if kept is not None else {}
            asked.append(Asked(actor, one.at, bytes(one.query_hmac), vectors))
    return asked


def _raw_views(since: datetime, until: datetime) -> list[tuple[UUID, datetime]]:
    """Who looked at an original when; what is not chained yet comes with the next run."""
    views = LedgerEntry.objects.filter(
        event="content:raw:view", at__gte=since, at__lt=until, actor__isnull=False
    )
    return [(actor, at) for actor, at in views.values_list("actor", "at") if actor is not None]


def _flag(agreement: MonitoringAgreement, found: Found, now: datetime) -> None:
    """One row a finding, however often it is seen while its time runs."""
    AnomalyFlag.objects.update_or_create(
        kind=found.kind,
        actor=found.actor,
        since=found.since,
        defaults={
            "agreement": agreement,
            "until": found.until,
            "evidence": found.evidence,
            "expires_at": now + timedelta(days=settings.VITRINE_FLAG_DAYS),
        },
    )
