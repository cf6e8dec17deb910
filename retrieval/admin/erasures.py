"""Erasures in the console: listed, looked at, and their receipts to print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from audit.erasure_models import ErasureRequest
from audit.scope import NOTHING
from retrieval.admin.base import ReadOnly
from retrieval.admin.consent_forms import uuid_or_none
from retrieval.admin.console import Button, Card, Cell, Figure, Listed, Page, Tab, Table
from retrieval.admin.console.layout import Tone
from retrieval.admin.console.links import page_of
from retrieval.admin.console.pages import ConsolePage
from retrieval.admin.decided import decided
from retrieval.admin.erasure_actions import (
    WHOLE,
    ApproveErasure,
    NewErasure,
    RefuseErasure,
    ReviewCandidate,
    erasure_address,
)
from retrieval.admin.people import naming, scope_for
from retrieval.selectors.erasures import erasure_get

_LIST: Final = "admin:audit_erasurerequest_changelist"
_ROWS = 50
_TONES: Final[dict[str, Tone]] = {
    "queued": "info", "awaiting_approval": "warn", "running": "info", "done": "good",
    "held": "warn", "failed": "bad", "open": "warn", "include": "bad", "exclude": "good",
}  # fmt: skip
_LABELS = {
    "queued": "info", "awaiting_approval": "warning", "running": "info", "done": "success",
    "held": "warning", "failed": "danger",
}  # fmt: skip


class _OfErasure(ConsolePage):
    def allowed(self) -> bool:
        """Governors and stewards."""
        return scope_for(self.request).allowed

    def load(self) -> None:
        """The request, if the visitor may know of it."""
        self.erasure = erasure_get(user=self.user, request_id=self.target["request_id"])

    def crumbs(self) -> Sequence[Tab]:
        """The list."""
        return [Tab("Erasures", reverse(_LIST))]


class ErasurePage(_OfErasure):
    """One request: what goes, what waits for review, how far it is, and its receipts."""

    wide = True

    def load(self) -> None:
        """The request and the words for it."""
        super().load()
        one = self.erasure
        self.title = f"Erasure {str(one.id)[:8]}"
        about = f"subject {one.subject}" if one.subject else f"asset {one.asset}"
        self.lead = f"{one.id}: the erasure of {about}."

    def buttons(self) -> Sequence[Button]:
        """What can be done."""
        made = []
        if self.erasure.state == "awaiting_approval":
            made += [
                self._button("Approve", "approve", "danger"),
                self._button("Refuse", "refuse"),
            ]
        if self.erasure.receipts:
            made.append(self._receipt_button("Print the receipt", self.erasure.receipts[-1]))
        if self.erasure.subject:
            address = page_of("audit_datasubject_change", self.erasure.subject)
            made += [Button("The person", address)] if address else []
        return made

    def _button(self, label: str, name: str, kind: Any = "secondary") -> Button:
        address = reverse(f"admin:audit_erasurerequest_{name}", args=[self.erasure.id])
        return Button(label, address, kind)

    def _receipt_button(self, label: str, document: dict[str, Any]) -> Button:
        args = [self.erasure.id, document["number"]]
        return Button(label, reverse("admin:audit_erasurerequest_receipt", args=args), "primary")

    def cards(self) -> Sequence[Card]:
        """Everything, each with its own list."""
        cards = [self._figures()]
        if self.erasure.state not in ("done", "failed"):
            cards.append(self._plan())
        if self.erasure.candidates:
            cards.append(self._candidates())
        return [*cards, self._receipts()]

    def _figures(self) -> Card:
        one, who = self.erasure, naming(self.request)
        figures = [
            Figure("State", one.state.replace("_", " "), tone=_TONES[one.state], note=one.reason),
            Figure("Asked for by", who(one.requested_by), note=_at(one.requested_at)),
        ]
        if one.decided_at:
            figures.append(Figure("Decided by", who(one.decided_by), note=_at(one.decided_at)))
        for state, label in (("due", "due"), ("held", "held"), ("erased", "erased")):
            if state in one.progress:
                figures.append(Figure(f"Assets {label}", one.progress[state]))
        if one.done_at:
            figures.append(Figure("Done", _at(one.done_at), tone="good"))
        return Card("At a glance", figures=figures)

    def _plan(self) -> Card:
        plan = self.erasure.plan
        page = Paginator(plan.assets, _ROWS).get_page(self.request.GET.get("page"))
        rows = [
            [
                Cell(str(one.asset), href=page_of("retrieval_asset_change", one.asset)),
                one.modality or "unknown",
                one.state,
                one.via,
                one.others,
                Cell(_counted(len(one.holds), "hold"), tone="warn") if one.holds else "-",
            ]
            for one in page.object_list
        ]
        head = ["Asset", "Modality", "State", "Because", "Other people in it", "Kept by"]
        here = erasure_address(self.erasure.id)
        turn = [
            Button(label, f"{here}?page={number}")
            for label, there, number in (
                ("Before", page.has_previous(), page.number - 1),
                ("Next", page.has_next(), page.number + 1),
            )
            if there
        ]
        return Card(
            f"What goes: {_counted(len(plan.assets), 'asset')}",
            text=WHOLE if plan.shared else "",
            table=Table(head, rows, empty="No asset is named; what is kept of the person goes."),
            buttons=turn,
        )

    def _candidates(self) -> Card:
        def review(one: Any) -> Cell:
            if self.erasure.state == "failed":
                return Cell("-")
            args = [self.erasure.id, one.id]
            address = reverse("admin:audit_erasurerequest_review", args=args)
            return Cell("Review" if one.decision == "open" else "Change", href=address)

        rows = [
            [
                Cell(str(one.asset), href=page_of("retrieval_asset_change", one.asset)),
                Cell(_DECIDED[one.decision], tone=_TONES[one.decision]),
                one.reason,
                one.at,
                review(one),
            ]
            for one in self.erasure.candidates
        ]
        return Card(
            "Assets that nobody linked",
            text="The person's identifier was taken out of them. They stay unless they are "
            "included; the receipt says how many were not reviewed.",
            table=Table(["Asset", "Decision", "Why", "When", "Review"], rows),
        )

    def _receipts(self) -> Card:
        rows = [
            [
                document["number"],
                Cell("partial", tone="warn") if document["partial"] else Cell("whole", tone="good"),
                document["issued_at"][:16].replace("T", " "),
                sum(one["before"] for one in document["stores"]),
                sum(one["after"] for one in document["stores"]),
                Cell("Print", href=self._receipt_button("", document).href),
                Cell("File", href=_file(self.erasure.id, document)),
            ]
            for document in reversed(self.erasure.receipts)
        ]
        head = ["Number", "Kind", "Issued", "In stores before", "After", "To print", "To verify"]
        return Card("Receipts", table=Table(head, rows, empty="There is none yet."))


class ReceiptPage(_OfErasure):
    """A receipt to print and hand over."""

    template = "admin/console/erasure_receipt.html"

    def load(self) -> None:
        """The receipt of that number.

        Raises:
            Http404: there is none.
        """
        super().load()
        number = self.target["number"]
        found = [one for one in self.erasure.receipts if one["number"] == number]
        if not found:
            raise Http404
        self.document = found[0]
        kind = "Partial receipt" if self.document["partial"] else "Receipt"
        self.title = f"{kind} of an erasure"

    def crumbs(self) -> Sequence[Tab]:
        """The list and the request."""
        here = erasure_address(self.erasure.id)
        return [*super().crumbs(), Tab(f"Erasure {str(self.erasure.id)[:8]}", here)]

    def context(self) -> dict[str, Any]:
        """What the page prints."""
        document = self.document
        return {
            "document": document,
            "held_stores": [one for one in document["stores"] if one["before"] or one["after"]],
            "entry": (document.get("ledger") or {}).get("entry"),
            "checkpoint": (document.get("ledger") or {}).get("checkpoint"),
            "file": _file(self.erasure.id, document),
            "back": erasure_address(self.erasure.id),
            "bytes": len(json.dumps(document)),
        }


_DECIDED = {"open": "not reviewed", "include": "goes too", "exclude": "stays"}


def _file(request_id: Any, document: dict[str, Any]) -> str:
    return reverse("erasure-receipt", args=[request_id, document["number"]])


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _at(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


@admin.register(ErasureRequest)
class ErasureAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    """Requests: all for governors, those of assets in their collections for stewards."""

    list_says = (
        "What is erased goes from every store, its keys are destroyed, and a signed receipt says "
        "what went, what stays and why, and what could not be reached."
    )
    empty_says = "Nobody has asked for an erasure."
    list_filter = ["state", "requested_at"]
    search_fields = ["=id", "=subject", "=asset"]
    search_help_text = "The id of a request, or of what is erased."
    ordering = ["-requested_at"]
    export_fields = ["state", "reason", "subject", "asset", "requested_at", "decided_at", "done_at"]
    pages = (
        Page("new/", "new", NewErasure),
        Page("<uuid:request_id>/approve/", "approve", ApproveErasure),
        Page("<uuid:request_id>/refuse/", "refuse", RefuseErasure),
        Page("<uuid:request_id>/review/<uuid:candidate_id>/", "review", ReviewCandidate),
        Page("<uuid:request_id>/receipts/<int:number>/", "receipt", ReceiptPage),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards; which, ``get_queryset`` decides."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErasureRequest]:
        """Those that the visitor may know of."""
        seen = scope_for(request)
        rows = ErasureRequest.objects.order_by("-requested_at")
        if not seen.everything:
            own = sorted(seen.collections) if seen != NOTHING else []
            rows = rows.filter(asset__isnull=False, collection__in=own)
        return decided(rows)

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Asking for one."""
        return [Button("Ask for an erasure", reverse("admin:audit_erasurerequest_new"), "primary")]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """The request's page."""
        request_id = uuid_or_none(object_id)
        if request_id is None:
            raise Http404
        return ErasurePage(request, self.admin_site, {"request_id": request_id}).run()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns, made for this request."""
        who = naming(request)

        @display(description="erasure of")
        def about(row: ErasureRequest) -> str:
            return f"subject {row.subject}" if row.subject else f"asset {row.asset}"

        @display(description="state", ordering="state", label=_LABELS)
        def state(row: ErasureRequest) -> tuple[str, str]:
            return row.state, row.state.replace("_", " ")

        @display(description="asked for by")
        def by(row: ErasureRequest) -> str:
            return who(row.requested_by)

        return [about, state, "reason", by, "requested_at", "done_at"]
