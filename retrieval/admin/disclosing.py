"""The console's pages on reading what somebody asked: asked for, decided by another, read once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from audit import second_person
from audit.actors import same_person
from audit.disclosure_models import Disclosure
from audit.models import SearchRecord
from audit.scope import actor_of
from audit.selectors import search_record_list
from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.console.asking import Asking, Touched
from retrieval.admin.console.layout import Button, Card, Figure, Tab
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.console.pages import ConsolePage
from retrieval.admin.decided import decided
from retrieval.admin.people import naming, scope_for
from retrieval.errors import Gone, NotVisible
from retrieval.selectors.disclosures import disclosure_get, disclosure_rows, reason_of
from retrieval.services.disclosures import (
    LEAST_REASON,
    MOST_REASON,
    Disclosed,
    disclosable,
    disclosure_decide,
    disclosure_read,
    disclosure_request,
    shown_for,
)


class DisclosureReason(forms.Form):
    """Why it must be known."""

    reason = forms.CharField(
        label="Why it must be known what was asked",
        min_length=LEAST_REASON,
        max_length=MOST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
        help_text="It is recorded, and the searcher is told of it.",
    )


class AskToRead(Asking):
    """Asking to read one kept query."""

    title, verb = "Ask to read what was asked", "Ask for it"
    form_class = DisclosureReason

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def load(self) -> None:
        """The search, if the visitor may know of it."""
        rows = search_record_list(scope=scope_for(self.request))
        record = rows.filter(id=self.target["search_id"]).defer("kept_query").first()
        if record is None:
            raise NotVisible("There is no such search.")
        self.record: SearchRecord = record

    def touches(self, given: dict[str, Any]) -> Touched:
        """Nothing yet; who is told, and how long it could be read."""
        del given
        if not disclosable(self.record):
            return Touched(blocked="The query is not kept any more.")
        if self.record.user_id == self.user.pk:
            return Touched(blocked="It is your own search.")
        minutes = int(shown_for().total_seconds() // 60)
        decides = (
            "A governor, or a steward of everything that was searched, decides; never you."
            if second_person.needed("disclosure")
            else "This appliance's policy needs no second person: you can read it at once."
        )
        told = "The searcher sees in the own traces that you asked, in which role, and why."
        return Touched(
            notes=[decides, f"Once approved it can be read for {minutes} minutes.", told],
            nothing="Nothing is disclosed by asking.",
        )

    def do(self, given: dict[str, Any]) -> str:
        """Asks."""
        made = disclosure_request(by=self.user, search_id=self.record.pk, reason=given["reason"])
        if made.state == Disclosure.State.APPROVED:
            return "Granted: you can read it now."
        return "Asked for. Somebody else decides."

    def back(self) -> str:
        """The search."""
        return reverse("admin:audit_searchrecord_change", args=[self.target["search_id"]])


class _Decide(Asking):
    approve = False

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def load(self) -> None:
        """The request."""
        self.asked = disclosure_get(user=self.user, disclosure_id=self.target["disclosure_id"])

    def touches(self, given: dict[str, Any]) -> Touched:
        """Who wants it and why."""
        del given
        who = naming(self.request)
        notes = [
            f"Asked by {who(self.asked.requested_by)} ({self.asked.requester_role}).",
            f"Why: {self.asked.reason or 'not known any more'}",
        ]
        if self.asked.state != Disclosure.State.REQUESTED:
            return Touched(notes=notes, blocked=f"It is {self.asked.state} already.")
        me = actor_of(self.user)
        if second_person.needed("disclosure") and same_person(self.asked.requested_by, me):
            return Touched(notes=notes, blocked="You asked for it yourself; somebody else decides.")
        return Touched(notes=notes, counts=[("query", 1)])

    def do(self, given: dict[str, Any]) -> str:
        """Decides."""
        del given
        disclosure_decide(by=self.user, disclosure_id=self.asked.id, approve=self.approve)
        minutes = int(shown_for().total_seconds() // 60)
        return f"Approved, for {minutes} minutes." if self.approve else "Refused."

    def back(self) -> str:
        """The request."""
        return reverse("admin:audit_disclosure_change", args=[self.target["disclosure_id"]])


class Approve(_Decide):
    """Letting the other person read it."""

    title, verb, approve = "Approve the disclosure", "Let it be read", True


class Refuse(_Decide):
    """Refusing it."""

    title, verb = "Refuse the disclosure", "Refuse it"


class ReadQuery(ConsolePage):
    """What was asked. Opening the page is a look, and each look is recorded."""

    title = "What was asked"
    lead = "Each time this page is opened is recorded, and the searcher is told how often."

    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def load(self) -> None:
        """What was asked, while it is shown."""
        self.shown: Disclosed | None = None
        with suppress(Gone):
            given = self.target["disclosure_id"]
            self.shown = disclosure_read(by=self.user, disclosure_id=given)

    def crumbs(self) -> Sequence[Tab]:
        """The request."""
        address = reverse("admin:audit_disclosure_change", args=[self.target["disclosure_id"]])
        return [Tab("Disclosure", address)]

    def cards(self) -> Sequence[Card]:
        """The words, and the asset that was asked with."""
        if self.shown is None:
            return [Card("The words", empty="The time in which it could be read is over.")]
        until = self.shown.disclosure.shown_until
        figures = [Figure("Asked with", self.shown.modality)]
        if until is not None:
            figures.append(Figure("Shown until", f"{timezone.localtime(until):%H:%M}"))
        if self.shown.asset is not None:
            figures.append(Figure("Asset", str(self.shown.asset)))
        figures += [Figure(name, value) for name, value in self.shown.filters.items()]
        words = self.shown.text or "There were no words: of a file nothing is kept but its vector."
        return [Card("The words", text=words, figures=figures)]

    def answer(self) -> Any:
        """The page, which no browser keeps."""
        response = super().answer()
        response["Cache-Control"] = "private, no-store"
        return response


@admin.register(Disclosure)
class DisclosureAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Requests to read kept queries."""

    list_says = "Who wanted to read what somebody asked, why, and who decided."
    empty_says = "Nobody has asked to read a query."
    list_filter = ["state", "requester_role"]
    list_display_links = ["requested_at"]
    ordering = ["-requested_at"]
    pages = (
        Page("<uuid:disclosure_id>/approve/", "approve", Approve),
        Page("<uuid:disclosure_id>/refuse/", "refuse", Refuse),
        Page("<uuid:disclosure_id>/query/", "query", ReadQuery),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards; which, ``get_queryset`` decides."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[Disclosure]:
        """Requests about searches that the visitor may know of."""
        return decided(disclosure_rows(user=visitor(request)))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns."""
        who = naming(request)

        @display(description="asked by", ordering="requested_by")
        def asked_by(row: Disclosure) -> str:
            return f"{who(row.requested_by)} ({row.requester_role})"

        @display(description="decided by", ordering="decided_by")
        def decided_by(row: Disclosure) -> str:
            return f"{who(row.decided_by)} ({row.decider_role})" if row.decided_by else "-"

        @display(description="why")
        def why(row: Disclosure) -> str:
            return reason_of(row) or "not known any more"

        return ["requested_at", asked_by, why, "state", decided_by, "times_shown", "kept_until"]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one request shows."""
        return ["id", "search", *self.get_list_display(request), "decided_at", "shown_until"]

    get_readonly_fields = get_fields

    def detail_buttons(self, request: HttpRequest, obj: Disclosure) -> Sequence[Button]:
        """To decide for somebody else, to read for who asked."""
        me = actor_of(visitor(request))
        mine = same_person(obj.requested_by, me)
        here = "admin:audit_disclosure_{}"
        buttons = []
        if obj.state == Disclosure.State.REQUESTED and not mine:
            buttons = [
                Button("Approve", reverse(here.format("approve"), args=[obj.pk]), "primary"),
                Button("Refuse", reverse(here.format("refuse"), args=[obj.pk])),
            ]
        if mine and obj.shown_until is not None and obj.shown_until > timezone.now():
            buttons.append(
                Button("Read it", reverse(here.format("query"), args=[obj.pk]), "primary")
            )
        search = reverse("admin:audit_searchrecord_change", args=[obj.search])
        return [*buttons, Button("The search", search)]
