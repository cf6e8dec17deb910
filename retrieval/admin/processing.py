"""The console's pages on records of processing: what is missing, what is open, the documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audit.processing import FIELDS, MOST_CHARACTERS, details_now, readable_json
from retrieval.admin.console.asking import Asking, Touched
from retrieval.admin.console.layout import Button, Card, Cell, Figure, Table, Tone
from retrieval.admin.console.pages import ConsolePage, console_page
from retrieval.errors import NotVisible
from retrieval.services.processing import KINDS, as_html, processing_describe, processing_document

_TONES: Final[dict[str, Tone]] = {
    "high": "bad",
    "medium": "warn",
    "low": "info",
    "in force": "good",
    "partly": "warn",
    "not in force": "bad",
}
_NAMES: Final = {"record": "record-of-processing", "dpia": "impact-assessment-inputs"}
_TYPES: Final = {"html": "text/html; charset=utf-8", "json": "application/json"}


class _Governors(ConsolePage):
    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor


@console_page("processing/", "console_processing")
class Processing(_Governors):
    """What the documents would say now."""

    title = "Records of processing"
    lead = (
        "The record of processing activities (GDPR Art. 30) and inputs to an impact assessment"
        " (Art. 35), made from what is configured at this moment."
    )

    def load(self) -> None:
        """The record as it is now."""
        self.record = processing_document(by=self.user, kind="record")

    def buttons(self) -> Sequence[Button]:
        """To say more, and to take the documents."""
        found = [Button("Say what is missing", reverse("admin:console_processing_edit"), "primary")]
        for kind, name in (("record", "The record"), ("dpia", "Inputs to the assessment")):
            for form in _TYPES:
                address = reverse("admin:console_processing_document", args=[kind, form])
                found.append(Button(f"{name} as {form.upper()}", address))
        return found

    def cards(self) -> Sequence[Card]:
        """What is missing first, since it makes the documents incomplete."""
        missing, found = self.record["missing"], self.record["open_findings"]
        return [
            Card(
                "In short",
                figures=[
                    Figure("missing", len(missing), tone="bad" if missing else "good"),
                    Figure("open findings", len(found), tone="warn" if found else "good"),
                    Figure("collections", len(self.record["time_limits"]["collections"])),
                ],
            ),
            Card(
                "Missing",
                table=Table(
                    ["What", "GDPR Art.", "Where to say it"],
                    [[one["what"], one["article"], one["where"]] for one in missing],
                    caption="Missing",
                    empty="Nothing that is due is missing.",
                ),
            ),
            Card(
                "Open findings",
                table=Table(
                    ["Weight", "What", "Collection"],
                    [
                        [Cell(one["weight"], tone=_TONES[one["weight"]]), one["says"],
                         one["collection"]]
                        for one in found
                    ],
                    caption="Open findings",
                    empty="Nothing is open.",
                ),
            ),
            Card(
                "Security measures",
                table=Table(
                    ["Measure", "State", "As configured"],
                    [
                        [one["name"], Cell(one["state"], tone=_TONES[one["state"]]), one["detail"]]
                        for one in self.record["security"]["measures"]
                    ],
                    caption="Security measures",
                ),
            ),
        ]  # fmt: skip


class DetailsForm(forms.Form):
    """Everything that no configuration tells."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in FIELDS:
            widget: forms.Widget = UnfoldAdminTextInputWidget()
            if one.lines:
                widget = UnfoldAdminTextareaWidget({"rows": 3})
            self.fields[one.name] = forms.CharField(
                label=one.label,
                required=False,
                max_length=MOST_CHARACTERS,
                widget=widget,
                help_text=f"GDPR Art. {one.article}. {one.help}".strip(),
            )


@console_page("processing/say/", "console_processing_edit")
class Details(Asking):
    """Saying it."""

    title, verb = "What no configuration tells", "Record it"
    form_class = DetailsForm

    def allowed(self) -> bool:
        """Governors."""
        return self.user.is_active and self.user.is_governor

    def initial(self) -> dict[str, Any]:
        """What was said last."""
        return details_now()

    def touches(self, given: dict[str, Any]) -> Touched:
        """The fields that change."""
        before = details_now()
        names = {one.name: one.label for one in FIELDS}
        changed = [name for name in names if before[name] != _same_ends(given[name])]
        return Touched(
            counts=[("fields that change", len(changed))],
            keys=changed,
            head=["Field"],
            describe=lambda keys: [[names[key]] for key in keys],
            caption="Fields that change",
            notes=["The ledger learns which fields changed, not what stands in them."],
        )

    def do(self, given: dict[str, Any]) -> str:
        """Says it."""
        processing_describe(by=self.user, changes=given)
        return "Recorded. The documents say it from now on."

    def back(self) -> str:
        """The overview of the documents."""
        return reverse("admin:console_processing")


@console_page("processing/<slug:kind>.<slug:form>", "console_processing_document")
class Document(_Governors):
    """One document as a file."""

    def load(self) -> None:
        """It is made now."""
        kind, form = self.target["kind"], self.target["form"]
        if kind not in KINDS or form not in _TYPES:
            raise NotVisible("There is no such document.")
        self.document = processing_document(by=self.user, kind=kind)

    def answer(self) -> HttpResponse:
        """The file; it styles itself, so it is no page of the console."""
        kind, form = self.target["kind"], self.target["form"]
        html = form == "html"
        text = as_html(self.document, kind=kind) if html else readable_json(self.document)
        response = HttpResponse(text, content_type=_TYPES[form])
        response["Content-Disposition"] = f'attachment; filename="{_NAMES[kind]}.{form}"'
        response["Cache-Control"] = "private, no-store"
        return response


def _same_ends(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))
