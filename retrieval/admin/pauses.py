"""The console's pages on pauses of retention."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from audit.hold_models import RetentionPause
from audit.pauses import LONGEST, PauseMissing
from retrieval import scope
from retrieval.admin.base import ReadOnly
from retrieval.admin.console.asking import Asking, ReasonForm, Touched
from retrieval.admin.console.layout import Button
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.decided import decided
from retrieval.admin.people import naming, scope_for
from retrieval.selectors.calendar import calendar_of
from retrieval.selectors.reach import names_of, reach_of
from retrieval.services import retention_control as services

_LIST: Final = "admin:audit_retentionpause_changelist"
_EVERYTHING: Final = "everything"
_AFTERWARDS: Final = (
    "They are not destroyed before it ends; then all that is due goes at once. What was asked and "
    "who asked is no holding: kept queries and names go on time all the same."
)


class PauseForm(ReasonForm):
    """What rests, until when, and why."""

    where = forms.ChoiceField(label="Nothing is purged", widget=UnfoldAdminSelectWidget())
    until = forms.DateField(
        label="Until the end of",
        widget=UnfoldAdminSingleDateWidget({"type": "date"}),
        help_text="In UTC; at most a year ahead. It ends by itself.",
    )
    field_order = ("where", "until", "reason")

    def __init__(self, *args: Any, places: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        """``places``: what this visitor may pause."""
        super().__init__(*args, **kwargs)
        self.fields["where"].choices = places  # type: ignore[attr-defined] # a ChoiceField's


class PlacePause(Asking):
    """Pausing retention; what then stays is shown first."""

    title, verb = "Pause retention", "Pause it"

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def make_form(self, data: Any = None) -> forms.Form:
        """Stewards pause their collections; governors also everything."""
        reach = reach_of(self.user)
        named = sorted(names_of(reach).items(), key=lambda one: one[1])
        places = [(str(pk), f"in {name}") for pk, name in named]
        if reach.everything:
            places.insert(0, (_EVERYTHING, "on the whole appliance"))
        return PauseForm(data, initial=self.initial(), places=places)

    def initial(self) -> dict[str, Any]:
        """A week, in the collection that the page that led here names."""
        week = timezone.now().date() + timedelta(days=7)
        return {"until": week, "where": self.request.GET.get("collection")}

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would have gone until then."""
        until, collection = _until(given), _collection(given)
        if not timezone.now() < until <= timezone.now() + LONGEST:
            return Touched(blocked=f"A day from today on, at most {LONGEST.days} days ahead.")
        now = timezone.now()
        reach = reach_of(self.user)
        mine = None if reach.everything else sorted(reach.governed)
        with scope.system():
            found = calendar_of(
                now=now,
                days=max((until - now).days, 1),
                collections=mine if collection is None else [collection],
            )
        return Touched(
            counts=[("things that would be due until then", found.total)],
            notes=[_AFTERWARDS],
            nothing="Nothing would be due until then.",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Pauses."""
        pause = services.pause_place(
            user=self.user,
            reason=given["reason"],
            until=_until(given),
            collection_id=_collection(given),
        )
        return f"Nothing is purged there before {pause.until:%Y-%m-%d %H:%M} UTC."

    def back(self) -> str:
        """The list."""
        return reverse(_LIST)


class EndPause(Asking):
    """Ending a pause before its time."""

    title, verb, danger = "End a pause", "End it", True

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def load(self) -> None:
        """The pause, if the visitor may know of it."""
        with scope.system():
            rows = services.pauses_visible(user=self.user)
            found = rows.filter(id=self.target["pause_id"]).first()
        if found is None:
            raise PauseMissing("There is no such pause.")
        self.pause: RetentionPause = found

    def touches(self, given: dict[str, Any]) -> Touched:
        """What is due then."""
        del given
        blocked = ""
        if self.pause.ended_at is not None or self.pause.until <= timezone.now():
            blocked = "It is over."
        elif self.pause.collection is None and not scope_for(self.request).everything:
            blocked = "It covers the whole appliance: a governor ends it."
        reach = reach_of(self.user)
        mine = None if reach.everything else sorted(reach.governed)
        one = self.pause.collection
        with scope.system():
            found = calendar_of(
                now=timezone.now(), days=1, collections=mine if one is None else [one]
            )
        waiting = sum(due.free + due.paused for due in found.overdue)
        return Touched(
            counts=[("things are due and go with the next purge", waiting)], blocked=blocked
        )

    def do(self, given: dict[str, Any]) -> str:
        """Ends it."""
        del given
        services.pause_end(user=self.user, pause_id=self.pause.pk)
        return "The pause is over."

    def back(self) -> str:
        """The list."""
        return reverse(_LIST)


@admin.register(RetentionPause)
class RetentionPauseAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Pauses: of everything, and of the collections that the visitor governs."""

    list_says = "While retention is paused nothing is purged there. A pause ends by itself."
    empty_says = "Retention has never been paused."
    ordering = ["-placed_at"]
    pages = (
        Page("place/", "place", PlacePause),
        Page("<uuid:pause_id>/end/", "end", EndPause),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards; which, ``get_queryset`` decides."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionPause]:
        """Those that the visitor may know of."""
        reach = scope_for(request)
        rows = RetentionPause.objects.order_by("-placed_at")
        if not reach.everything:
            mine = sorted(reach.collections)
            rows = rows.filter(collection=None) | rows.filter(collection__in=mine)
        return decided(rows)

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Pausing."""
        return [Button("Pause retention", reverse("admin:audit_retentionpause_place"), "primary")]

    def detail_buttons(self, request: HttpRequest, obj: RetentionPause) -> Sequence[Button]:
        """Ending it."""
        if obj.ended_at is not None or obj.until <= timezone.now():
            return []
        return [
            Button("End it", reverse("admin:audit_retentionpause_end", args=[obj.pk]), "danger")
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns, made for this request."""
        who, names = naming(request), names_of(reach_of(_user(request)))

        @display(description="where")
        def where(row: RetentionPause) -> str:
            if row.collection is None:
                return "the whole appliance"
            return names.get(row.collection, str(row.collection))

        @display(description="state")
        def state(row: RetentionPause) -> str:
            if row.ended_at is not None:
                return "ended before its time"
            return "in force" if row.until > timezone.now() else "over"

        @display(description="placed by", ordering="placed_by")
        def placed(row: RetentionPause) -> str:
            return who(row.placed_by)

        return [where, state, "until", "reason", placed, "placed_at"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one pause shows."""
        return [*self.get_list_display(request), "ended_at"]

    get_readonly_fields = get_fields


def _user(request: HttpRequest) -> Any:
    return request.user


def _until(given: dict[str, Any]) -> datetime:
    """The end of the day that was chosen, in UTC."""
    day = given["until"] + timedelta(days=1)
    return datetime.combine(day, time.min, tzinfo=timezone.get_fixed_timezone(0))


def _collection(given: dict[str, Any]) -> UUID | None:
    return None if given["where"] == _EVERYTHING else UUID(given["where"])
