"""People in the console: by random ids, for governors. Who they are only with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from audit.consents import state_of
from audit.erasure_models import ErasureRequest
from audit.hold_models import LegalHold
from audit.subject_models import ConsentRecord, DataSubject
from retrieval.admin.consent_forms import uuid_or_none
from retrieval.admin.console import (
    Button,
    Card,
    Cell,
    Figure,
    Listed,
    Page,
    Tab,
    Table,
)
from retrieval.admin.console.links import page_of
from retrieval.admin.subject_actions import (
    TONES,
    GovernorsOnly,
    GovernorsPage,
    Lift,
    Link,
    NewSubject,
    Object,
    Restrict,
    Reveal,
    subject_address,
    subject_crumbs,
    toned,
)
from retrieval.selectors.subjects import SubjectRow, subject_assets, subject_get
from retrieval.subject_models import AssetSubject

_ROWS = 50


class SubjectPage(GovernorsPage):
    """One person: what is about them, what they permitted, what is under way."""

    wide = True

    def load(self) -> None:
        """The person, by ids."""
        self.view: SubjectRow = subject_get(user=self.user, subject_id=self.target["subject_id"])
        self.subject = self.view.subject
        self.title = f"Subject {str(self.subject.id)[:8]}"
        self.lead = f"{self.subject.id}. Who it is stays hidden until a governor says why."

    def crumbs(self) -> Sequence[Tab]:
        """The list."""
        return subject_crumbs(self.subject.id)[:1]

    def buttons(self) -> Sequence[Button]:
        """What can be done."""
        if self.subject.state == DataSubject.State.ERASED:
            return ()
        made = [
            self._button(
                "New consent",
                "audit_consentrecord_new",
                query={"subject": str(self.subject.id)},
                kind="primary",
            ),
            self._button("Link an asset", "audit_datasubject_link"),
            self._button("Restrict", "audit_datasubject_restrict"),
            self._button("Note an objection", "audit_datasubject_object"),
        ]
        if self.subject.state != DataSubject.State.ACTIVE:
            made.append(self._button("Lift", "audit_datasubject_lift"))
        if self.view.has_identifier:
            made.append(self._button("Reveal the identifier", "audit_datasubject_reveal"))
        return [*made, *self._elsewhere()]

    def _elsewhere(self) -> list[Button]:
        """What other pages of the console do about a person."""
        about = f"?subject={self.subject.id}"
        places = (
            ("Hand over an archive", page_of("console_subject_archive", self.subject.id), ""),
            ("Place a hold", page_of("audit_legalhold_place"), about),
            ("Erase", page_of("audit_erasurerequest_new"), about),
        )
        return [Button(label, f"{at}{query}") for label, at, query in places if at]

    def _button(
        self, label: str, name: str, *, query: Any = None, kind: Any = "secondary"
    ) -> Button:
        args = [] if query else [self.subject.id]
        return Button(label, reverse(f"admin:{name}", args=args, query=query), kind)

    def cards(self) -> Sequence[Card]:
        """Everything, each with its own list."""
        return [self._figures(), self._assets(), self._consents(), self._holds(), self._erasures()]

    def _figures(self) -> Card:
        row = self.subject
        links = subject_assets(subject_id=row.id).order_by()
        states = dict(links.values_list("state").annotate(n=Count("id")))
        return Card(
            "At a glance",
            figures=[
                Figure("State", row.state, tone=TONES.get(row.state, "")),
                Figure("Assets", self.view.assets),
                Figure("Of them withheld", states.get("withheld", 0)),
                Figure("Records of consent", self.view.consents),
                Figure("Known since", f"{row.created_at:%Y-%m-%d}"),
                *(
                    Figure(f"{name} since", f"{since:%Y-%m-%d %H:%M}", tone="warn")
                    for name, since in (
                        ("Restricted", row.restricted_at),
                        ("Objected", row.objected_at),
                    )
                    if since is not None
                ),
            ],
        )

    def _assets(self) -> Card:
        rows = subject_assets(subject_id=self.subject.id).select_related("collection")
        page = Paginator(rows, _ROWS).get_page(self.request.GET.get("page"))
        table = [
            [
                Cell(str(one.pk), href=reverse("admin:retrieval_asset_change", args=[one.pk])),
                one.collection.name,
                one.modality,
                toned(one.state),
                one.reason,
                one.ground,
                one.permitted_until,
            ]
            for one in page.object_list
        ]
        here = subject_address(self.subject.id)
        turn = [
            Button(label, f"{here}?page={number}")
            for label, there, number in (
                ("Before", page.has_previous(), page.number - 1),
                ("Next", page.has_next(), page.number + 1),
            )
            if there
        ]
        shown = f"{page.start_index()} to {page.end_index()} of {page.paginator.count}."
        head = ["Asset", "Collection", "Modality", "State", "Why", "Ground", "Until"]
        empty = "No asset is linked to this person."
        return Card(
            "Assets",
            text=shown if table else "",
            table=Table(head, table, empty=empty),
            buttons=turn,
        )

    def _consents(self) -> Card:
        rows = ConsentRecord.objects.filter(subject=self.subject.id).order_by("-recorded_at")
        table = [
            [
                Cell(one.ref, href=reverse("admin:audit_consentrecord_change", args=[one.id])),
                toned(state_of(one)),
                [name.replace("_", " ") for name in one.purposes],
                one.legal_basis.replace("_", " "),
                one.starts_at,
                one.expires_at,
            ]
            for one in rows[:_ROWS]
        ]
        head = ["Record", "State", "Permits", "Basis", "From", "Until"]
        empty = "Nothing was recorded: what needs a consent is withheld."
        return Card("Consents", table=Table(head, table, empty=empty))

    def _holds(self) -> Card:
        rows = LegalHold.objects.filter(subject=self.subject.id).order_by("-placed_at")
        table = [
            [
                Cell(str(one.id), href=page_of("audit_legalhold_change", one.id)),
                one.state,
                one.placed_at,
                one.released_at,
            ]
            for one in rows[:_ROWS]
        ]
        head = ["Hold", "State", "Placed", "Released"]
        return Card("Legal holds", table=Table(head, table, empty="Nothing is on hold."))

    def _erasures(self) -> Card:
        rows = ErasureRequest.objects.filter(subject=self.subject.id)
        table = [
            [Cell(str(one.id), href=page_of("audit_erasurerequest_change", one.id)), one.state]
            for one in rows[:_ROWS]
        ]
        return Card(
            "Erasures", table=Table(["Request", "State"], table, empty="None was asked for.")
        )


def _counted(model: Any) -> Coalesce:
    rows = model.objects.filter(subject=OuterRef("pk")).order_by().values("subject")
    return Coalesce(Subquery(rows.annotate(total=Count("id")).values("total")), 0)


@admin.register(DataSubject)
class SubjectAdmin(Listed, GovernorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_says = (
        "People whom assets are about, under random ids. Who they are is never shown in a list."
    )
    empty_says = "Nobody is recorded yet. Make a subject, or import consents from a file."
    list_display = ["id", "state_said", "assets", "consents", "identifier_kept", "created_at"]
    list_filter = ["state", "created_at"]
    export_fields = ["state", "assets", "consents", "restricted_at", "objected_at", "created_at"]
    ordering = ["-created_at"]
    pages = (
        Page("new/", "new", NewSubject),
        Page("<uuid:subject_id>/restrict/", "restrict", Restrict),
        Page("<uuid:subject_id>/object/", "object", Object),
        Page("<uuid:subject_id>/lift/", "lift", Lift),
        Page("<uuid:subject_id>/reveal/", "reveal", Reveal),
        Page("<uuid:subject_id>/link/", "link", Link),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataSubject]:
        """With counts for the rows that are shown."""
        rows: QuerySet[DataSubject] = super().get_queryset(request)
        return rows.defer("identifier_blind").annotate(
            asset_count=_counted(AssetSubject),
            consent_count=_counted(ConsentRecord),
        )

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """What adds to it."""
        return [
            Button("New subject", reverse("admin:audit_datasubject_new"), "primary"),
            Button("Import consents", reverse("admin:audit_consentrecord_import")),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """The person's page."""
        subject_id = uuid_or_none(object_id)
        if subject_id is None:
            raise Http404
        return SubjectPage(request, self.admin_site, {"subject_id": subject_id}).run()

    @display(
        description="state",
        ordering="state",
        label={"active": "success", "restricted": "warning", "objected": "warning"},
    )
    def state_said(self, row: DataSubject) -> str:
        """The state, coloured."""
        return row.state

    @display(description="assets", ordering="asset_count")
    def assets(self, row: Any) -> int:
        """How many are linked."""
        return int(row.asset_count)

    @display(description="consents", ordering="consent_count")
    def consents(self, row: Any) -> int:
        """How many are recorded."""
        return int(row.consent_count)

    @display(description="identifier kept", boolean=True)
    def identifier_kept(self, row: DataSubject) -> bool:
        """Whether it can be found by one."""
        return row.identifier is not None
