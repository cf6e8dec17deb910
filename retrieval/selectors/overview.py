"""What a steward, a governor or an operator looks at first: what waits for somebody, and health.

Everything here is counts, ids and times within a ``Reach``; a steward's are those of the
collections governed. Each function says how many statements it takes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from audit.checkpoints.delivery import SinkHealth
from audit.checkpoints.health import WitnessState, witness_state
from audit.erasure_models import ErasureRequest
from audit.hold_models import HELD_THINGS, ClockMark, LegalHold, RetentionPause
from audit.models import LedgerEntry, LedgerPending
from audit.selectors import search_record_list
from retrieval import scope
from retrieval.models import Asset, ReembedJob
from retrieval.profile_models import Reredaction
from retrieval.review_models import Review
from retrieval.selectors.calendar import calendar_of
from retrieval.selectors.reach import Reach
from retrieval.selectors.remembered import remembered
from retrieval.states import IN_PROGRESS

SEARCH_DAYS: Final = 14
SOON: Final = (timedelta(days=7), timedelta(days=30))


@dataclass(frozen=True)
class Queue:
    """The review queue: how long it is, and since when its first waits."""

    waiting: int
    since: datetime | None


@dataclass(frozen=True)
class SearchDay:
    """Searches of one day, and how many of them found a confident match."""

    day: date
    searches: int
    confident: int


@dataclass(frozen=True)
class LedgerState:
    """How long the ledger is, what waits to be chained, and how its witnesses stand."""

    entries: int
    pending: int
    pending_since: datetime | None
    witness: WitnessState

    @property
    def unreached(self) -> list[SinkHealth]:
        """Sinks for which a checkpoint has waited too long."""
        return [one for one in self.witness.sinks if one.alarm]


@dataclass(frozen=True)
class Work:
    """What is going on: assets between states, re-embedding and redacting anew."""

    assets: Counter[str]
    reembedding: int
    reredacting: int


def review_queue(reach: Reach) -> Queue:
    """What waits for a decision. One statement."""
    with scope.system():
        rows = reach.narrow(Review.objects.filter(state=Review.State.OPEN))
        found = rows.aggregate(waiting=Count("id"), since=Min("opened_at"))
    return Queue(found["waiting"], found["since"])


def holds_in_force(reach: Reach) -> Counter[str]:
    """Holds by what they are on. One statement."""
    with scope.system():
        rows = reach.narrow(LegalHold.objects.filter(state=LegalHold.State.ACTIVE), "home")
        counted = rows.aggregate(
            **{name: Count("id", filter=Q(**{f"{name}__isnull": False})) for name in HELD_THINGS}
        )
    return Counter({name: number for name, number in counted.items() if number})


def erasures_by_state(reach: Reach) -> Counter[str]:
    """Requests for erasure by state. One statement."""
    with scope.system():
        rows = reach.narrow(ErasureRequest.objects.order_by())
        return Counter(dict(rows.values_list("state").annotate(Count("id"))))


def falling_due(reach: Reach) -> list[int]:
    """How much falls due within each of ``SOON`` by retention, not counting what is held.

    A dozen statements, or none where it was just counted.
    """
    now = timezone.now()
    collections = None if reach.everything else sorted(reach.governed)

    def count() -> list[int]:
        with scope.system():
            coming = calendar_of(now=now, days=SOON[-1].days, collections=collections)
        already = sum(one.free for one in coming.overdue)
        return [
            already
            + sum(one.count - one.held for one in coming.days if one.day <= (now + soon).date())
            for soon in SOON
        ]

    return remembered(("due", reach.key), count)[0]


def searches_by_day(reach: Reach) -> list[SearchDay]:
    """Searches of the last two weeks, oldest first, days without one too. One statement."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in reversed(range(SEARCH_DAYS))]
    found, _ = remembered(("searches", reach.key, today), lambda: _searches(reach, days[0]))
    return [SearchDay(day, *found.get(day, (0, 0))) for day in days]


def _searches(reach: Reach, since: date) -> dict[date, tuple[int, int]]:
    rows = search_record_list(scope=reach.of_audit).order_by().filter(at__date__gte=since)
    # The index is on the moment, not on its date.
    rows = rows.filter(at__gte=timezone.now() - timedelta(days=SEARCH_DAYS + 1))
    counted = (
        rows.annotate(day=TruncDate("at"))
        .values_list("day")
        .annotate(searches=Count("id"), sure=Count("id", filter=Q(confident=True)))
    )
    return {day: (searches, confident) for day, searches, confident in counted}


def ledger_state() -> LedgerState:
    """The ledger's health. Eight statements."""
    waiting = LedgerPending.objects.aggregate(pending=Count("id"), since=Min("at"))
    return LedgerState(
        entries=LedgerEntry.objects.count(),
        pending=waiting["pending"],
        pending_since=waiting["since"],
        witness=witness_state(),
    )


def work_in_progress(reach: Reach) -> Work:
    """What is going on in the collections in reach. Three statements."""
    with scope.system():
        moving = reach.narrow(Asset.objects.filter(state__in=IN_PROGRESS)).order_by()
        reredacting = reach.narrow(Reredaction.objects.filter(state=Reredaction.State.RUNNING))
        return Work(
            Counter(dict(moving.values_list("state").annotate(Count("id")))),
            _running_reembeds().count() if reach.operates else 0,
            reredacting.count(),
        )


def _running_reembeds() -> QuerySet[ReembedJob]:
    return ReembedJob.objects.filter(state=ReembedJob.State.RUNNING)


def pauses_in_force(reach: Reach) -> list[RetentionPause]:
    """Where nothing is purged for now, the whole appliance's first. One statement."""
    with scope.system():
        rows = RetentionPause.objects.filter(ended_at=None, until__gt=timezone.now())
        found = list(rows.order_by("collection", "until"))
    return [one for one in found if one.collection is None or reach.covers(one.collection)]


def clock_alarm() -> str:
    """What was wrong with the clock when it was last looked at; empty where nothing. One query."""
    with scope.system():
        mark = ClockMark.objects.first()
    return mark.alarm if mark else ""


class Snapshot:
    """What is told of one reach on one page, each asked for once, when it is first looked at."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach

    @cached_property
    def queue(self) -> Queue:
        """The review queue."""
        return review_queue(self.reach)

    @cached_property
    def holds(self) -> Counter[str]:
        """Holds in force, by what they are on."""
        return holds_in_force(self.reach)

    @cached_property
    def erasures(self) -> Counter[str]:
        """Requests for erasure, by state."""
        return erasures_by_state(self.reach)

    @cached_property
    def ledger(self) -> LedgerState:
        """The ledger's health."""
        return ledger_state()

    @cached_property
    def pauses(self) -> list[RetentionPause]:
        """Where nothing is purged for now."""
        return pauses_in_force(self.reach)
