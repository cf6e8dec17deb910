"""Records of consent in the console: listed, read with all versions, printed as receipts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rfc8785
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from audit.consent_receipts import PURPOSES
from audit.consents import STATES, consent_get, consents_in, state_of, versions_of
from audit.subject_models import ConsentRecord
from retrieval.admin.consent_actions import (
    Import,
    NewConsent,
    NewVersion,
    Withdraw,
    consent_address,
    consent_crumbs,
)
from retrieval.admin.consent_forms import uuid_or_none
from retrieval.admin.console import Button, Card, Cell, Figure, Listed, Page, Tab, Table
from retrieval.admin.people import naming
from retrieval.admin.subject_actions import (
    TONES,
    GovernorsOnly,
    GovernorsPage,
    subject_address,
    toned,
)
from retrieval.services.consents import consent_receipt

_LABELS = {
    "valid": "success", "future": "info", "expired": "warning", "withdrawn": "danger",
}  # fmt: skip


class _OfConsent(GovernorsPage):
    """A page about one record."""

    def load(self) -> None:
        """The record."""
        self.record = consent_get(self.target["consent_id"])

    def crumbs(self) -> Sequence[Tab]:
        """The list and the record."""
        return consent_crumbs(self.record)


class ConsentPage(_OfConsent):
    """One version of a record, with the others and what became of it."""

    wide = True

    def load(self) -> None:
        """The record, by ids."""
        super().load()
        self.title = f"Consent {str(self.record.id)[:8]}, version {self.record.version}"
        self.lead = f"{self.record.id}, of subject {self.record.subject}."

    def crumbs(self) -> Sequence[Tab]:
        """The list."""
        return consent_crumbs(self.record)[:1]

    def buttons(self) -> Sequence[Button]:
        """What can be done."""
        made = [
            Button("The person", subject_address(self.record.subject)),
            self._button("Receipt to print", "receipt"),
        ]
        newest = not ConsentRecord.objects.filter(supersedes=self.record.id).exists()
        if newest:
            made.append(self._button("New version", "version"))
        if self.record.withdrawn_at is None:
            made.append(Button("Withdraw", self._address("withdraw"), "danger"))
        return made

    def _button(self, label: str, name: str) -> Button:
        return Button(label, self._address(name))

    def _address(self, name: str) -> str:
        return reverse(f"admin:audit_consentrecord_{name}", args=[self.record.id])

    def cards(self) -> Sequence[Card]:
        """What it says, and its versions."""
        return [self._state(), self._terms(), self._versions()]

    def _state(self) -> Card:
        row, state = self.record, state_of(self.record)
        return Card(
            "At a glance",
            figures=[
                Figure("State", state, tone=TONES.get(state, "")),
                Figure("From", f"{row.starts_at:%Y-%m-%d %H:%M}"),
                Figure(
                    "Until", f"{row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else "withdrawal"
                ),
                Figure("Version", row.version),
            ],
        )

    def _terms(self) -> Card:
        row, name = self.record, naming(self.request)
        said: list[tuple[str, object]] = [
            ("Permits", [PURPOSES[one][0] for one in row.purposes]),
            ("Legal basis", row.legal_basis.replace("_", " ")),
            (
                "Special categories",
                f"Art. 9(2)({row.special_condition})" if row.special_condition else "",
            ),
            ("Categories of data", row.data_categories),
            ("Recipients", row.recipients),
            ("Jurisdictions", row.jurisdictions),
            ("Controller", row.controller),
            ("Contact", row.controller_contact),
            ("Stored", row.storage_location),
            ("Given", row.collection_method),
            ("Can be withdrawn", row.withdrawal_method),
            ("Notice", row.notice_ref),
            ("Language of the notice", row.language),
            ("Recorded", row.recorded_at),
            ("Recorded by", name(row.collected_by)),
            ("Expired", row.expired_at),
            ("Withdrawn", row.withdrawn_at),
            ("Withdrawn how", row.withdrawal.get("how", "")),
        ]
        return Card("What it says", table=Table(["Field", "Value"], [[a, b] for a, b in said]))

    def _versions(self) -> Card:
        rows = [
            [
                Cell(f"version {one.version}", href=consent_address(one.id)),
                toned(state_of(one)),
                [purpose.replace("_", " ") for purpose in one.purposes],
                one.starts_at,
                one.expires_at,
                one.superseded_at,
                one.withdrawn_at,
            ]
            for one in versions_of(self.record)
        ]
        head = ["Version", "State", "Permits", "From", "Until", "Superseded", "Withdrawn"]
        return Card("Versions", table=Table(head, rows))


class ReceiptPage(_OfConsent):
    """A receipt to print: asked for with a button, since issuing one is recorded."""

    title = "Receipt"
    template = "admin/console/receipt.html"
    methods = ("GET", "HEAD", "POST")
    lead = "A receipt is signed and recorded. It names the person by a random id alone."

    def answer(self) -> HttpResponseBase:
        """The question, the page to print, or the signed document as a file."""
        if self.request.method != "POST":
            return self.render(document=None, back=consent_address(self.record.id))
        document = consent_receipt(by=self.user, consent_id=self.record.id)
        if "file" in self.request.POST:
            response = HttpResponse(rfc8785.dumps(document), content_type="application/json")
            name = f"consent-receipt-{document['receipt_id']}.json"
            response["Content-Disposition"] = f'attachment; filename="{name}"'
            return response
        return self.render(document=document, back=consent_address(self.record.id))


class StateFilter(admin.SimpleListFilter):
    """As of now, not a column."""

    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every state."""
        return [(name, name) for name in STATES]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConsentRecord]
    ) -> QuerySet[ConsentRecord]:
        """Those in the state that was chosen."""
        return consents_in(self.value() or "", queryset) if self.value() in STATES else queryset


class PurposeFilter(admin.SimpleListFilter):
    """What is permitted."""

    title = parameter_name = "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every purpose."""
        return [(name, name.replace("_", " ")) for name in PURPOSES]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ConsentRecord]
    ) -> QuerySet[ConsentRecord]:
        """Records that permit it."""
        wanted = self.value()
        return queryset.filter(purposes__contains=[wanted]) if wanted in PURPOSES else queryset


@admin.register(ConsentRecord)
class ConsentAdmin(Listed, GovernorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_says = "What people have permitted, and on what other grounds they are processed."
    empty_says = "Nothing is recorded: what needs a consent is withheld."
    list_display = [
        "id", "person", "version", "state", "permits", "legal_basis", "starts_at", "expires_at",
        "recorded_at",
    ]  # fmt: skip
    list_filter = [StateFilter, PurposeFilter, "legal_basis", "recorded_at"]
    export_fields = [
        "subject", "series", "version", "state", "permits", "legal_basis", "special_condition",
        "starts_at", "expires_at", "withdrawn_at", "recorded_at",
    ]  # fmt: skip
    ordering = ["-recorded_at"]
    pages = (
        Page("new/", "new", NewConsent),
        Page("import/", "import", Import),
        Page("<uuid:consent_id>/version/", "version", NewVersion),
        Page("<uuid:consent_id>/withdraw/", "withdraw", Withdraw),
        Page("<uuid:consent_id>/receipt/", "receipt", ReceiptPage),
    )

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """What adds to it."""
        return [
            Button("New consent", reverse("admin:audit_consentrecord_new"), "primary"),
            Button("Import a file", reverse("admin:audit_consentrecord_import")),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """The record's page."""
        consent_id = uuid_or_none(object_id)
        if consent_id is None:
            raise Http404
        return ConsentPage(request, self.admin_site, {"consent_id": consent_id}).run()

    @display(description="subject", ordering="subject")
    def person(self, row: ConsentRecord) -> str:
        """Leads to the person's page."""
        return format_html(
            '<a href="{}">{}</a>', subject_address(row.subject), str(row.subject)[:8]
        )

    @display(description="state", label=_LABELS)
    def state(self, row: ConsentRecord) -> str:
        """As of now."""
        return state_of(row)

    @display(description="permits")
    def permits(self, row: ConsentRecord) -> str:
        """The purposes."""
        return ", ".join(name.replace("_", " ") for name in row.purposes)
