"""The console's pages on requests for access: what an archive would hold, and making it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponseBase
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from audit.chaining import chain_pending
from audit.models import LedgerEntry
from audit.subject_models import DataSubject
from retrieval.admin.console.layout import Card, Cell, Figure, Tab, Table
from retrieval.admin.console.links import list_of, page_of
from retrieval.admin.console.pages import ConsolePage, ServiceError, console_page
from retrieval.admin.people import naming
from retrieval.api.processing import archive_response
from retrieval.errors import Gone, NotVisible
from retrieval.services.access_request import archive_begin, parts
from retrieval.services.access_request.archive import EVENT
from retrieval.services.content import MAX_REASON
from retrieval.states import RawState

_MOST = 200


class ArchiveForm(forms.Form):
    """Whether originals go in, and why."""

    originals = forms.BooleanField(
        label="Also originals that are kept",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Only of assets that are about nobody else.",
    )
    reason = forms.CharField(
        label="Why originals are handed out",
        required=False,
        max_length=MAX_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 2}),
        help_text="Needed for originals. It is recorded under the person's own key.",
    )


class _Governors(ConsolePage):
    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor


@console_page("access-requests/", "console_access_requests")
class AccessRequests(_Governors):
    """Archives that were made."""

    title = "Access requests"
    lead = (
        "What is held on a person is handed over as an archive that is made while it is sent. Begin"
        " from the person's page. No archive is kept here; these were made."
    )

    def cards(self) -> Sequence[Card]:
        """The latest, as the ledger has them."""
        who = naming(self.request)
        chain_pending()
        rows = LedgerEntry.objects.filter(event=EVENT).order_by("-seq")[:_MOST]
        table = Table(
            ["When", "Person", "Archive", "Made by"],
            [
                [
                    row.at,
                    Cell(row.refs["subject"], href=_archive_page(row.refs["subject"])),
                    row.refs["archive"],
                    "the command line" if row.actor is None else who(row.actor),
                ]
                for row in rows
            ],
            caption="Archives that were made",
            empty="None was made yet. Open a person under Subjects and answer a request there.",
        )
        return [Card("Archives that were made", table=table)]


@console_page("access-requests/<uuid:subject_id>/", "console_subject_archive")
class SubjectArchive(_Governors):
    """What an archive on one person would hold; a POST makes and sends it."""

    title = "Answer a request for access"
    lead = "Check who asks before anything is handed over. Making it is recorded, with your name."
    template = "admin/console/archive.html"
    methods = ("GET", "HEAD", "POST")

    def load(self) -> None:
        """The person."""
        found = DataSubject.objects.filter(pk=self.target["subject_id"]).first()
        if found is None:
            raise NotVisible("There is no such subject.")
        self.subject: DataSubject = found

    def crumbs(self) -> Sequence[Tab]:
        """The list of requests."""
        return [Tab("Access requests", reverse("admin:console_access_requests"))]

    def cards(self) -> Sequence[Card]:
        """Counts, by what goes in."""
        assets = parts.assets_of(self.subject.pk)
        shared = parts.with_others([one.pk for one in assets], self.subject.pk)
        kept = [one for one in assets if one.raw_state == RawState.KEPT]
        figures = [
            Figure("assets", len(assets)),
            Figure("of them about others too", len(shared)),
            Figure("originals that could be added", sum(one.pk not in shared for one in kept)),
            Figure("records of consent", len(parts.consents_part(self.subject.pk))),
            Figure("entries in the ledger", len(parts.ledger_part(self.subject.pk))),
        ]
        rows: list[list[object]] = [
            [Cell(str(one.pk), href=list_of(type(one), id__exact=one.pk)), one.collection.name,
             one.modality, one.state, "kept" if one.raw_state == RawState.KEPT else "destroyed"]
            for one in assets[:_MOST]
        ]  # fmt: skip
        head = ["Asset", "Collection", "Modality", "State", "Original"]
        table = Table(head, rows, caption="Assets", empty="No asset is linked to this person.")
        about = f"Person {self.subject.pk}, {self.subject.state}."
        return [Card("What goes into it", text=about, figures=figures, table=table)]

    def context(self) -> dict[str, Any]:
        """The form, as it was sent or empty."""
        return {"form": self.form}

    def answer(self) -> HttpResponseBase:
        """The page, or the archive on its way."""
        self.form = ArchiveForm(self.request.POST if self.request.method == "POST" else None)
        if self.request.method != "POST" or not self.form.is_valid():
            return self.render()
        try:
            archive = archive_begin(
                by=self.user, subject_id=self.subject.pk, **self.form.cleaned_data
            )
        except ServiceError as error:
            if isinstance(error, NotVisible | Gone):
                self.form.add_error(None, error.detail)
            for name, texts in error.fields.items():
                self.form.add_error(name, texts)
            return self.render()
        return archive_response(archive)


def _archive_page(subject_id: UUID | str) -> str:
    return page_of("console_subject_archive", subject_id)
