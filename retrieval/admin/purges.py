"""The console's pages on purges: what goes next, a dry run, and the report of each run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from audit import clock
from audit.hold_models import ClockMark, PurgeRun, PurgeTally, RetentionPause, RetentionWarning
from audit.pauses import everything_paused, pauses_in_force
from audit.purge_runs import run_totals
from retrieval import scope
from retrieval.admin.base import ReadOnly
from retrieval.admin.console.asking import Asking, Touched
from retrieval.admin.console.charts import days_line
from retrieval.admin.console.layout import Button, Card, Cell, Figure, Tab, Table
from retrieval.admin.console.links import list_of
from retrieval.admin.console.lists import Listed
from retrieval.admin.console.pages import ConsolePage, console_page
from retrieval.admin.decided import decided
from retrieval.admin.people import naming, scope_for
from retrieval.admin.plots import Chart
from retrieval.admin.policy_form import SAID
from retrieval.models import Collection
from retrieval.selectors.calendar import Calendar as Days
from retrieval.selectors.calendar import calendar_of
from retrieval.selectors.due import Due
from retrieval.selectors.reach import Reach, names_of, reach_of
from retrieval.services.retention_control import clock_confirm

_DAYS: Final = 60
_MOST_ROWS: Final = 100
_DOWNLOAD: Final = "/api/v1/retention/due/"


class _OnRetention(ConsolePage):
    """A page about the collections that the visitor governs."""

    wide = True

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def load(self) -> None:
        """Whose collections, and what is due in them."""
        self.reach: Reach = reach_of(self.user)
        self.names = names_of(self.reach)
        mine = None if self.reach.everything else sorted(self.reach.governed)
        with scope.system():
            self.found: Days = calendar_of(now=timezone.now(), days=_DAYS, collections=mine)
            self.all_paused = everything_paused()
            self.pauses = [
                one
                for one in pauses_in_force()
                if one.collection is None or self.reach.covers(one.collection)
            ]

    def tabs(self) -> Sequence[Tab]:
        """The calendar, the dry run, and what was."""
        here = type(self)
        return [
            Tab("Calendar", reverse("admin:console_calendar"), here is RetentionCalendar),
            Tab("Next purge", reverse("admin:console_dry_run"), here is DryRun),
            Tab("Purge runs", list_of(PurgeRun)),
            Tab("Pauses", list_of(RetentionPause)),
        ]

    def named(self, collection: UUID | None) -> str:
        """The collection's name; its id where it is gone."""
        return (
            "of no collection"
            if collection is None
            else self.names.get(collection, str(collection))
        )


@console_page("calendar/", "console_calendar")
class RetentionCalendar(_OnRetention):
    """What goes next, by day, collection and kind."""

    title = "Retention calendar"
    lead = (
        f"What falls due in the next {_DAYS} days by the retention policies as they are. Days are "
        "in UTC. What is on hold stays, whatever its day."
    )

    def buttons(self) -> Sequence[Button]:
        """What can be done about it."""
        return [
            Button("Place a hold", reverse("admin:audit_legalhold_place")),
            Button("Pause retention", reverse("admin:audit_retentionpause_place")),
        ]

    def cards(self) -> Sequence[Card]:
        """What needs somebody first, then numbers, the chart, the days."""
        shown = [*self._alarm(), *self._paused(), self._numbers(), self._chart(), self._days()]
        return [*shown, self._warned()]

    def _alarm(self) -> list[Card]:
        mark = clock.clock_alarm()
        if mark is None:
            return []
        may = self.user.is_governor or self.user.is_operator
        confirm = Button("The clock is right", reverse("admin:console_clock"), "danger")
        return [
            Card(
                "The clock is not to be trusted",
                text=f"{clock.SAID[mark.alarm]} Nothing is purged until it is right, or confirmed.",
                buttons=[confirm] if may else [],
            )
        ]

    def _paused(self) -> list[Card]:
        if not self.pauses:
            return []
        rows = [
            [
                Cell(
                    "the whole appliance" if one.collection is None else self.named(one.collection)
                ),
                one.until,
                one.reason,
                Cell("open", reverse("admin:audit_retentionpause_change", args=[one.pk])),
            ]
            for one in self.pauses
        ]
        return [Card("Paused", table=Table(["Where", "Until", "Why", ""], rows))]

    def _numbers(self) -> Card:
        soon = self.found.start.date() + timedelta(days=7)
        overdue = sum(one.free + one.paused for one in self.found.overdue)
        week = sum(one.count - one.held for one in self.found.days if one.day <= soon)
        held = sum(one.held for one in self.found.overdue)
        held += sum(one.held for one in self.found.days)
        rest = sum(one.count - one.held for one in self.found.days if one.day > soon)
        return Card(
            "In numbers",
            figures=[
                Figure("Due already", overdue, reverse("admin:console_dry_run"),
                       note="paused" if self.all_paused else "for the next purge"),
                Figure("Within a week", week),
                Figure(f"Later, within {_DAYS} days", rest),
                Figure("Kept by holds", held, reverse("admin:audit_legalhold_changelist")),
            ],
        )  # fmt: skip

    def _chart(self) -> Card:
        charts: list[Chart] = []
        days = [self.found.start.date() + timedelta(days=n) for n in range(_DAYS + 1)]
        for what, counts in sorted(self.found.by_kind().items()):
            charts.append(
                days_line(
                    title=f"{_said(what)}, by day",
                    what="Fall due",
                    days=[(day, float(counts.get(day, 0))) for day in days],
                )
            )
        return Card("By day", charts=charts, empty="Nothing falls due in these days.")

    def _days(self) -> Card:
        rows = [
            [
                f"{one.day:%Y-%m-%d}",
                self.named(one.collection),
                _said(one.what),
                one.count,
                one.held,
            ]
            for one in self.found.days[:_MOST_ROWS]
        ]
        head = ["Day", "Collection", "What", "Falls due", "of it held"]
        more = len(self.found.days) - len(rows)
        text = (
            f"{more:,} more lines are left out; the first {_MOST_ROWS} are shown." if more else ""
        )
        table = Table(head, rows, caption="Days", empty="Nothing falls due in these days.")
        return Card("Day by day", text=text, table=table)

    def _warned(self) -> Card:
        with scope.system():
            today = timezone.now().date()
            rows = self.reach.narrow(RetentionWarning.objects.filter(day__gte=today))
            found = list(rows.order_by("day", "what")[:_MOST_ROWS])
        days = settings.VITRINE_PURGE_WARNING_DAYS
        text = (
            f"Stewards are told {days} days before, here and by mail where that is set up; "
            "each warning is given once."
            if days
            else "Warnings are switched off (VITRINE_PURGE_WARNING_DAYS is 0)."
        )
        shown = [
            [f"{one.day:%Y-%m-%d}", self.named(one.collection), _said(one.what), one.due,
             one.warned_at, one.mailed]
            for one in found
        ]  # fmt: skip
        head = ["Day", "Collection", "What", "How much", "Warned", "Mails"]
        table = Table(head, shown, caption="Warnings", empty="No warning has been given.")
        return Card("Warnings", text=text, table=table)


@console_page("calendar/next/", "console_dry_run")
class DryRun(_OnRetention):
    """What the next purge would do, exactly."""

    title = "The next purge"
    lead = (
        "What a purge would do now: nothing of it has happened. One runs every hour; "
        "manage.py purge --dry-run says the same."
    )

    def buttons(self) -> Sequence[Button]:
        """The list of every asset."""
        return [Button("Download every id (JSON lines)", _DOWNLOAD, "primary")]

    def cards(self) -> Sequence[Card]:
        """By kind, then by collection and kind."""
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for one in self.found.overdue:
            for at, number in enumerate(self._split(one)):
                sums[one.what][at] += number
        head = ["What", "Would go", "Stays: hold", "Stays: pause"]
        total = Table(
            head, [[_said(what), *counts] for what, counts in sums.items()],
            caption="By kind", empty="Nothing is due.",
        )  # fmt: skip
        rows = [
            [self.named(one.collection), _said(one.what), *self._split(one)]
            for one in self.found.overdue[:_MOST_ROWS]
        ]
        each = Table(["Collection", *head], rows, caption="By collection", empty="Nothing is due.")
        return [Card("By kind", table=total), Card("By collection", table=each)]

    def _split(self, one: Due) -> tuple[int, int, int]:
        if self.all_paused:
            return 0, one.held, one.free + one.paused
        return one.free, one.held, one.paused


@console_page("calendar/clock/", "console_clock")
class ConfirmClock(Asking):
    """Saying that the clock is right after it jumped."""

    title, verb, danger = "The clock is right", "It is right", True

    def allowed(self) -> bool:
        """Governors and operators."""
        return self.user.is_governor or self.user.is_operator

    def touches(self, given: dict[str, Any]) -> Touched:
        """By which time things will be purged."""
        del given
        mark = clock.clock_alarm()
        if mark is None:
            return Touched(blocked="Nothing is wrong with the clock.")
        return Touched(
            notes=[
                clock.SAID[mark.alarm],
                _both(mark),
            ],
            nothing="",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Confirms it."""
        del given
        clock_confirm(user=self.user)
        return "The clock counts as right from now on."

    def back(self) -> str:
        """The calendar; an operator who may not look at that, the overview."""
        may = scope_for(self.request).allowed
        return reverse("admin:console_calendar" if may else "admin:index")


def _both(mark: ClockMark) -> str:
    return (
        f"It was trusted last at {mark.at:%Y-%m-%d %H:%M} UTC by its own time, and says "
        f"{timezone.now():%Y-%m-%d %H:%M} UTC now. Look at another clock. What is due by this one "
        "is destroyed with the next purge."
    )


class TallyInline(TabularInline):  # type: ignore[misc] # unfold ships no types
    """What went and what was left, by kind and collection."""

    model = PurgeTally
    verbose_name_plural = "what went, and what was left"
    fields = ["what", "where", "purged", "held", "paused", "failed"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[PurgeTally]:
        """Of the visitor's collections."""
        seen = scope_for(request)
        rows = PurgeTally.objects.order_by("what", "collection")
        return decided(
            rows if seen.everything else rows.filter(collection__in=sorted(seen.collections))
        )

    @display(description="collection")
    def where(self, row: PurgeTally) -> str:
        """By its name; by its id where it is gone."""
        if row.collection is None:
            return "of no collection"
        with scope.system():  # the rows are of collections that the visitor governs
            rows = Collection.objects.filter(pk=row.collection)
            return rows.values_list("name", flat=True).first() or str(row.collection)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False


@admin.register(PurgeRun)
class PurgeRunAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # as above
    """Each purge with its report."""

    list_says = (
        "Each purge and what it did. Of those that found nothing to do only the last is kept. One "
        "that died is gone on with by the next and counts everything once."
    )
    empty_says = "Nothing has been purged yet."
    list_filter = ["state"]
    ordering = ["-started_at"]
    inlines = [TallyInline]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards; of the counts, those of their collections."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[PurgeRun]:
        """All: when a purge ran is no secret."""
        return decided(PurgeRun.objects.order_by("-started_at"))

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """What goes next."""
        return [Button("What goes next", reverse("admin:console_calendar"))]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns, made for this request."""
        who, seen = naming(request), scope_for(request)

        @display(description="asked for by", ordering="by")
        def by(row: PurgeRun) -> str:
            return who(row.by)

        @display(description="purged")
        def purged(row: PurgeRun) -> str:
            return _totals(row, "purged", None if seen.everything else sorted(seen.collections))

        @display(description="left")
        def left(row: PurgeRun) -> str:
            mine = None if seen.everything else sorted(seen.collections)
            parts = [(name, _totals(row, name, mine)) for name in ("held", "paused", "failed")]
            return "; ".join(f"{name}: {said}" for name, said in parts if said != "-") or "-"

        return ["started_at", "state", purged, left, by]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one run shows."""
        return [*self.get_list_display(request), "finished_at", "resumed", "step", "reason"]

    get_readonly_fields = get_fields


def _totals(run: PurgeRun, name: str, collections: Sequence[UUID] | None) -> str:
    with scope.system():
        found = run_totals(run, collections=collections)
    said = [f"{counts[name]:,} {_said(what)}" for what, counts in found.items() if counts[name]]
    return ", ".join(said) or "-"


def _said(what: str) -> str:
    return {**SAID, "blind": "blind indexes"}.get(what, what)
