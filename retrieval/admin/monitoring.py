"""The console's pages on monitoring: the agreement that permits it, and what was found under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from audit.monitoring_models import AnomalyFlag, MonitoringAgreement
from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.console.asking import Asking, Touched
from retrieval.admin.console.layout import Button
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.decided import decided
from retrieval.admin.people import naming
from retrieval.selectors.monitoring import flag_rows, monitoring_state
from retrieval.services.monitoring import agreement_begin, agreement_end

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class AgreementForm(forms.Form):
    """The agreement under which searching may be looked at."""

    reference = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="Its title, number or where it is filed.",
    )
    agreed_on = forms.DateField(
        label="Agreed on", widget=UnfoldAdminTextInputWidget({"type": "date"})
    )
    opens = forms.TimeField(
        label="Usual hours begin",
        initial="07:00",
        widget=UnfoldAdminTextInputWidget({"type": "time"}),
    )
    closes = forms.TimeField(
        label="and end", initial="19:00", widget=UnfoldAdminTextInputWidget({"type": "time"})
    )
    weekdays = forms.TypedMultipleChoiceField(
        label="Usual days",
        choices=[(number, name) for number, name in enumerate(_DAYS, start=1)],
        coerce=int,
        initial=[1, 2, 3, 4, 5],
        widget=forms.CheckboxSelectMultiple,
    )
    time_zone = forms.CharField(
        max_length=64,
        initial="UTC",
        widget=UnfoldAdminTextInputWidget,
        help_text="For example Europe/Vienna.",
    )


class _Governors(Asking):
    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor

    def back(self) -> str:
        """The agreements."""
        return reverse("admin:audit_monitoringagreement_changelist")


class Begin(_Governors):
    """Switching monitoring on."""

    title, verb = "Name an agreement on monitoring", "Begin under this agreement"
    form_class = AgreementForm

    def touches(self, given: dict[str, Any]) -> Touched:
        """What will be looked at, and that it is written down."""
        del given
        if monitoring_state(user=self.user).agreement is not None:
            return Touched(blocked="An agreement is in force already; end it first.")
        return Touched(
            notes=[
                (
                    "From now on it is looked for bulk probing, near-duplicate queries and looks at"
                    " originals outside the usual hours. What was before is not looked at."
                ),
                "People see the flags about themselves in their own traces.",
                "The agreement's reference and date go into the ledger.",
            ]
        )

    def do(self, given: dict[str, Any]) -> str:
        """Begins."""
        agreement_begin(by=self.user, **given)
        return "Monitoring is on under this agreement."


class End(_Governors):
    """Switching monitoring off."""

    title, verb, danger = "End monitoring", "End it and delete the flags", True

    def touches(self, given: dict[str, Any]) -> Touched:
        """The flags that go."""
        del given
        state = monitoring_state(user=self.user)
        if state.agreement is None:
            return Touched(blocked="No agreement is in force.")
        return Touched(counts=[("flags that are deleted", state.flags)])

    def do(self, given: dict[str, Any]) -> str:
        """Ends."""
        del given
        return f"Monitoring is off; {agreement_end(by=self.user)} flags were deleted."


class _GovernorsRead(ReadOnly):
    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors."""
        user = visitor(request)
        return user.is_active and user.is_governor

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors."""
        return self.has_module_permission(request)


@admin.register(MonitoringAgreement)
class MonitoringAgreementAdmin(Listed, _GovernorsRead, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Agreements, the one in force first."""

    list_says = (
        "Nothing about how people search is computed unless an agreement is in force. Its end takes"
        " every flag along."
    )
    empty_says = "No agreement was ever named, so nothing is monitored."
    list_display = ["reference", "agreed_on", "begun_at", "ended_at"]
    ordering = ["-begun_at"]
    pages = (Page("begin/", "begin", Begin), Page("end/", "end", End))

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """On, or off."""
        if not self.has_view_permission(request):
            return []
        if monitoring_state(user=visitor(request)).agreement is None:
            begin = reverse("admin:audit_monitoringagreement_begin")
            return [Button("Name an agreement", begin, "primary")]
        return [Button("End monitoring", reverse("admin:audit_monitoringagreement_end"), "danger")]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one agreement shows."""
        who = naming(request)

        @display(description="begun by")
        def begun_by(row: MonitoringAgreement) -> str:
            return who(row.begun_by)

        @display(description="usual hours")
        def hours(row: MonitoringAgreement) -> str:
            days = ", ".join(_DAYS[number - 1] for number in row.weekdays)
            return f"{row.opens:%H:%M} to {row.closes:%H:%M} on {days} ({row.time_zone})"

        return ["reference", "agreed_on", hours, "begun_at", begun_by, "ended_at"]

    get_readonly_fields = get_fields


@admin.register(AnomalyFlag)
class AnomalyFlagAdmin(Listed, _GovernorsRead, ModelAdmin):  # type: ignore[misc] # as above
    """What was unusual; a reason to look, no finding about a person."""

    list_says = (
        "Something unusual is a reason to look, not a finding about a person. Whoever it is about"
        " sees it too. Flags are deleted on their date, or with the agreement."
    )
    empty_says = "Nothing unusual was found, or nothing is monitored: see the agreements."
    list_filter = ["kind"]
    ordering = ["-since"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AnomalyFlag]:
        """All of them, for governors."""
        return decided(flag_rows(user=visitor(request)))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns."""
        who = naming(request)

        @display(description="who", ordering="actor")
        def by(row: AnomalyFlag) -> str:
            return who(row.actor)

        @display(description="counted")
        def counted(row: AnomalyFlag) -> str:
            shown = {name: value for name, value in row.evidence.items() if value is not None}
            return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())

        return ["since", "kind", by, counted, "expires_at"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one flag shows."""
        return [*self.get_list_display(request), "until", "found_at", "agreement"]

    get_readonly_fields = get_fields

    def detail_buttons(self, request: HttpRequest, obj: AnomalyFlag) -> Sequence[Button]:
        """That person's searches at that time."""
        return [Button("What was searched then", searches_of(obj.actor, since=obj.since))]


def searches_of(actor: UUID, *, since: Any) -> str:
    """The list of one person's searches from a time on."""
    address = reverse("admin:audit_searchrecord_changelist")
    moment = timezone.localtime(since).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{address}?q={actor}&since={moment}"
