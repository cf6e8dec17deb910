"""The console's list of searches, and the page of one: who, when, where and how sure; not what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from audit.models import Influence, SearchRecord
from audit.search_audit.listing import search_audit_rows, seeing
from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.console.layout import Button
from retrieval.admin.console.links import list_of
from retrieval.admin.console.lists import Listed, Page
from retrieval.admin.disclosing import AskToRead
from retrieval.admin.people import naming, scope_for
from retrieval.admin.search_filters import FILTERS, filters_of, named
from retrieval.selectors.reach import names_of, reach_of
from retrieval.services.disclosures import disclosable


class HitInline(ReadOnly, TabularInline):  # type: ignore[misc] # unfold ships no types
    """Why each hit came up; a steward sees the hits from the collections governed."""

    model = Influence
    verbose_name_plural = "hits"
    fields = ["rank", "asset_id", "confidence", "verdict", "why", "found_redacted", "consent"]
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Influence]:
        """Hits that the visitor may know of."""
        hits: QuerySet[Influence] = super().get_queryset(request)
        scope = scope_for(request)
        return hits if scope.everything else hits.filter(collection_id__in=scope.collections)

    @display(description="why")
    def why(self, hit: Influence) -> str:
        """The signals, in words."""
        return "; ".join(map(_signal, hit.signals)) or "-"

    @display(description="redacted in it")
    def found_redacted(self, hit: Influence) -> str:
        """Kinds that were taken out of the asset."""
        return ", ".join(hit.redactions) or "nothing"

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever may open the search."""
        return scope_for(request).allowed


@admin.register(SearchRecord)
class SearchRecordAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # as above
    """Searches, narrowed to what the visitor governs; the query itself is never shown here."""

    list_says = (
        "Who searched where, and how sure the answer was. What was asked is not here: while it is"
        " kept, it can be read for a reason that a second person accepts and the searcher is told."
    )
    empty_says = "Nobody has searched here by these filters."
    list_filter = FILTERS
    search_fields = ["id"]
    search_help_text = "Who: a user's name (governors) or the ledger's id; or a search's id."
    ordering = ["-at"]
    inlines = [HitInline]
    pages = (Page("<uuid:search_id>/ask-to-read/", "disclose", AskToRead),)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Governors and stewards."""
        return scope_for(request).allowed

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Governors and stewards; which, ``get_queryset`` decides."""
        return scope_for(request).allowed

    def get_queryset(self, request: HttpRequest) -> QuerySet[SearchRecord]:
        """What the visitor may see of what the address chooses; the latest first."""
        return search_audit_rows(scope=scope_for(request), filters=filters_of(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SearchRecord], search_term: str
    ) -> tuple[QuerySet[SearchRecord], bool]:
        """Searches by whoever is named, or the one with this id."""
        actors = named(request, search_term)
        if actors is None:
            return queryset, False
        return queryset.filter(Q(actor__in=actors) | Q(pk__in=actors)), False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Columns, made for this request since one admin object serves many at once."""
        who, names = naming(request), _collection_names(request)
        scope = scope_for(request)
        seen = seeing(scope)

        @display(description="when", ordering="at")
        def at(row: SearchRecord) -> str:
            return f"{timezone.localtime(row.at):%Y-%m-%d %H:%M:%S}"

        @display(description="who", ordering="actor")
        def by(row: SearchRecord) -> str:
            return who(row.actor)

        @display(description="asked with", ordering="query_modality")
        def asked(row: SearchRecord) -> str:
            return row.query_modality

        @display(description="collections")
        def where(row: SearchRecord) -> str:
            return _few([names(one) for one in seen(row).collections])

        @display(description="searched in")
        def modalities(row: SearchRecord) -> str:
            return ", ".join(row.modalities)

        @display(description="hits" if scope.everything else "hits here", ordering="seen_hits")
        def hits(row: SearchRecord) -> int:
            return seen(row).hits

        @display(description="matches", ordering="seen_matches")
        def matches(row: SearchRecord) -> int:
            return seen(row).matches

        @display(description="best", ordering="best")
        def best(row: SearchRecord) -> str:
            found = seen(row).best
            return "-" if found is None else f"{found:.2f}"

        @display(description="models")
        def models(row: SearchRecord) -> str:
            return ", ".join(seen(row).models) or "-"

        return [at, by, asked, where, modalities, hits, matches, best, models]

    def get_list_display_links(
        self, request: HttpRequest, list_display: Sequence[Any]
    ) -> Sequence[Any]:
        """The time leads to the search."""
        return list_display[:1]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What one search shows; for stewards without what tells of others' collections."""
        listed = self.get_list_display(request)

        @display(description="taken out of the query")
        def redactions(row: SearchRecord) -> str:
            return ", ".join(str(one.get("kind", "")) for one in row.query_redactions) or "nothing"

        @display(description="purpose")
        def purpose(row: SearchRecord) -> str:
            return str(row.parameters.get("purpose") or "not named")

        @display(description="query kept until")
        def kept(row: SearchRecord) -> str:
            if not disclosable(row):
                return "not kept any more"
            if row.kept_until is None or row.kept_until <= timezone.now():
                return "kept by a legal hold"
            return f"{timezone.localtime(row.kept_until):%Y-%m-%d %H:%M}"

        fields = ["id", *listed, redactions, purpose, kept]
        if scope_for(request).everything:
            fields += ["parameters", "total_ms"]
        return fields

    get_readonly_fields = get_fields

    def detail_buttons(self, request: HttpRequest, obj: SearchRecord) -> Sequence[Button]:
        """What can be done with one search."""
        buttons = []
        if disclosable(obj) and obj.user_id != visitor(request).pk:
            address = reverse("admin:audit_searchrecord_disclose", args=[obj.pk])
            buttons.append(Button("Ask to read the query", address))
        if scope_for(request).everything:
            buttons.append(Button("Why its hits came up", reverse("web:record", args=[obj.pk])))
        return buttons

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Links beside the list."""
        address = list_of(_disclosures())
        return [Button("Requests to read a query", address)] if address else []


def _disclosures() -> type[Model]:
    from audit.disclosure_models import Disclosure

    return Disclosure


def _signal(signal: dict[str, Any]) -> str:
    by = signal.get("model") or "words as they are written"
    alike, sure = signal.get("similarity"), signal.get("calibrated")
    said = [str(by)]
    if alike is not None:
        said.append(f"{alike:.2f} alike")
    if sure is not None:
        said.append(f"{sure:.0%} likely")
    return ", ".join(said)


def _few(names: list[str], most: int = 3) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _collection_names(request: HttpRequest) -> Callable[[UUID], str]:
    names: dict[UUID, str] | None = None

    def name(collection: UUID) -> str:
        nonlocal names
        if names is None:
            names = names_of(reach_of(visitor(request)))
        return names.get(collection, str(collection))

    return name
