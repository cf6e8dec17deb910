"""What governors do about consents, each step shown before it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse

from audit.consents import consent_get
from audit.subject_models import ConsentRecord
from retrieval.admin.consent_forms import (
    MOST_FILE_BYTES,
    ConsentForm,
    ImportForm,
    VersionForm,
    WithdrawForm,
    terms_from,
)
from retrieval.admin.console import Tab, Touched
from retrieval.admin.subject_actions import GovernorsAsking, outcome
from retrieval.errors import Invalid
from retrieval.services import consents as services
from retrieval.services.consent_import import Imported, consents_import

_TERMS = (
    *("purposes", "legal_basis", "special_condition", "starts_at", "expires_at", "controller"),
    *("controller_contact", "storage_location", "collection_method", "withdrawal_method"),
    *("notice_ref", "language"),
)
_LISTS = ("data_categories", "recipients", "jurisdictions")


def consent_address(consent_id: UUID) -> str:
    """The page of one record."""
    return reverse("admin:audit_consentrecord_change", args=[consent_id])


def consent_crumbs(record: ConsentRecord) -> list[Tab]:
    """Links above what is about one record."""
    every = reverse("admin:audit_consentrecord_changelist")
    return [Tab("Consents", every), Tab(f"{str(record.id)[:8]}", consent_address(record.id))]


class NewConsent(GovernorsAsking):
    """A record of what somebody permits."""

    title, verb = "New consent", "Record it"
    lead = "What a person permits, or on what other ground it may be done. It is never rewritten."
    form_class: type[forms.Form] = ConsentForm
    made: UUID | None = None

    def initial(self) -> dict[str, Any]:
        """The person whose page this was begun on."""
        return {"subject": self.request.GET.get("subject", ""), "purposes": ["search"]}

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would come back by it."""
        return outcome(self.request, self._recorded(given, dry_run=True).changed)

    def do(self, given: dict[str, Any]) -> str:
        """Records it."""
        done = self._recorded(given, dry_run=False)
        self.made = done.record.id if done.record else None
        changed = done.changed
        return (
            f"Recorded. {len(changed.returned)} assets are on their way back, "
            f"{len(changed.withheld)} are withheld."
        )

    def back(self) -> str:
        """The record, once it is there."""
        if self.made is not None:
            return consent_address(self.made)
        return reverse("admin:audit_consentrecord_changelist")

    def _recorded(self, given: dict[str, Any], *, dry_run: bool) -> services.Outcome:
        return services.consent_record(
            by=self.user, subject_id=given["subject"], terms=terms_from(given), dry_run=dry_run
        )


class NewVersion(NewConsent):
    """The next version of a record."""

    title = "New version of a consent"
    lead = "It takes the place of the present one when it begins; that one stays readable."
    form_class = VersionForm

    def load(self) -> None:
        """The present version."""
        self.record = consent_get(self.target["consent_id"])

    def crumbs(self) -> Sequence[Tab]:
        """The list and the record."""
        return consent_crumbs(self.record)

    def initial(self) -> dict[str, Any]:
        """As the present version says, from now on."""
        given = {name: getattr(self.record, name) for name in _TERMS}
        lists = {name: ", ".join(getattr(self.record, name)) for name in _LISTS}
        return given | lists | {"starts_at": None}

    def _recorded(self, given: dict[str, Any], *, dry_run: bool) -> services.Outcome:
        return services.consent_record(
            by=self.user, subject_id=self.record.subject, supersedes=self.record.id,
            terms=terms_from(given), dry_run=dry_run,
        )  # fmt: skip

    def back(self) -> str:
        """The new version, or the present one."""
        return consent_address(self.made or self.record.id)


class Withdraw(GovernorsAsking):
    """A withdrawal."""

    title, verb, danger = "Withdraw a consent", "Withdraw it", True
    lead = "What disappears is out of search when this is done; only a new record brings it back."
    form_class = WithdrawForm

    def load(self) -> None:
        """The record."""
        self.record = consent_get(self.target["consent_id"])

    def crumbs(self) -> Sequence[Tab]:
        """The list and the record."""
        return consent_crumbs(self.record)

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would disappear."""
        if self.record.withdrawn_at is not None:
            return Touched(blocked="It has been withdrawn already.")
        tried = services.consent_end(
            by=self.user, consent_id=self.record.id, how=given["how"], dry_run=True
        )
        return outcome(self.request, tried.changed, caption="Assets that disappear")

    def do(self, given: dict[str, Any]) -> str:
        """Withdraws it."""
        done = services.consent_end(by=self.user, consent_id=self.record.id, how=given["how"])
        return f"Withdrawn. {len(done.changed.withheld)} assets are withheld."

    def back(self) -> str:
        """The record."""
        return consent_address(self.record.id)


class Import(GovernorsAsking):
    """Many records from a CSV file."""

    title, verb = "Import consents", "Import them"
    lead = "All lines are imported, or none. What is wrong is told by line; no line is repeated."
    form_class = ImportForm

    def make_form(self, data: Any = None) -> forms.Form:
        """The form with the file's text in the place of the file."""
        file = self.request.FILES.get("file")
        if data is None or file is None:
            return ImportForm(data, initial=self.initial())
        given = data.copy()
        raw = file.read(MOST_FILE_BYTES + 1)
        # As a browser sends it the second time, so that it is known to be the same.
        text = raw.decode("utf-8-sig", errors="replace").strip()
        given["text"] = "\r\n".join(text.splitlines())
        self.request.POST = given
        form = ImportForm(given)
        if len(raw) > MOST_FILE_BYTES:
            form.add_error("file", f"At most {MOST_FILE_BYTES:,} bytes here.")
        return form

    def touches(self, given: dict[str, Any]) -> Touched:
        """What would be recorded, and what would come back by it."""
        made = self._imported(given, dry_run=True)
        counts = [
            ("new records", made.records),
            ("new subjects", made.subjects),
            ("recorded before", made.already),
            ("assets that come back", len(made.changed.returned)),
            ("assets that disappear", len(made.changed.withheld)),
        ]
        touched = outcome(self.request, made.changed)
        return Touched(
            counts=counts, keys=touched.keys, head=touched.head, describe=touched.describe,
            caption=touched.caption,
        )  # fmt: skip

    def do(self, given: dict[str, Any]) -> str:
        """Imports all of them."""
        made = self._imported(given, dry_run=False)
        return f"{made.records} records and {made.subjects} new subjects were imported."

    def back(self) -> str:
        """The list."""
        return reverse("admin:audit_consentrecord_changelist")

    def _imported(self, given: dict[str, Any], *, dry_run: bool) -> Imported:
        data = given["text"].encode()
        made = consents_import(by=self.user, data=data, dry_run=dry_run)
        if made.problems:
            told = [f"L{str(one)[1:]}" for one in made.problems]
            raise Invalid("Nothing was imported.", fields={"file": told})
        return made
