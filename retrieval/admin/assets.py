"""Assets, their segments and what was done to them: looked at, never edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import BooleanField, Case, Count, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from retrieval import access
from retrieval.access import Permission
from retrieval.admin.base import OperatorsOnly, ReadOnly, visitor
from retrieval.admin.console.layout import Button
from retrieval.admin.console.links import page_of
from retrieval.idempotency_models import IdempotencyKey
from retrieval.models import Asset, Collection, ProvenanceStep, Segment
from retrieval.selectors.assets import asset_rows
from retrieval.selectors.holdings import holdings
from retrieval.selectors.reach import reach_of
from retrieval.selectors.reredaction import is_behind

if TYPE_CHECKING:
    from django.db.models import Model

_NOT_SHOWN = "(not shown: needs a reading role)"
_STATE_LABELS = {
    "searchable": "success",
    "received": "info",
    "redacting": "info",
    "verifying": "info",
    "embedding": "info",
    "quarantined": "warning",
    "withheld": "warning",
    "rejected": "danger",
}


def mark_readable(rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """``rows`` with ``may_read``: whether the visitor may read the row's collection. One query."""
    readable = access.collections_with(user=visitor(request), permission=Permission.READ)
    marked: QuerySet[Any] = rows.annotate(
        may_read=Case(
            When(collection_id__in=readable, then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        )
    )
    return marked


def _with_segments(rows: QuerySet[Any]) -> QuerySet[Any]:
    # Not a join: a million assets would be grouped before the first fifty are shown.
    segments = Segment.objects.filter(asset_id=OuterRef("pk")).order_by().values("asset_id")
    total = Subquery(segments.annotate(total=Count("*")).values("total"))
    counted: QuerySet[Any] = rows.annotate(segment_total=Coalesce(total, 0))
    return counted


class ProvenanceInline(ReadOnly, TabularInline):  # type: ignore[misc] # unfold ships no types
    model = ProvenanceStep
    fields = readonly_fields = ["at", "step", "component", "version", "actor"]
    extra = 0
    tab = True


class BehindFilter(admin.SimpleListFilter):
    """Whether an asset was redacted by another version than its collection's profile is now."""

    title = "redaction"
    parameter_name = "behind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Both sides."""
        return [("1", "by another version than is due"), ("0", "by the version that is due")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The chosen side."""
        if self.value() not in {"0", "1"}:
            return queryset
        outdated = is_behind(Collection.objects.all())
        return queryset.filter(outdated if self.value() == "1" else ~outdated)


class ModalityFilter(admin.SimpleListFilter):
    """By modality; which there are is known from what is held, without reading every row."""

    title = parameter_name = "modality"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those of what the visitor answers for."""
        held = holdings(reach_of(visitor(request))).by("modality")
        return [(name, name) for name in sorted(held)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of the chosen one."""
        return queryset.filter(modality=self.value()) if self.value() else queryset


@admin.register(Asset)
class AssetAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_says = "What is held, in every state. Titles are shown to whoever may read the collection."
    empty_says = "Nothing has been uploaded into a collection that you answer for."
    list_display = [
        "short_id",
        "shown_title",
        "collection",
        "modality",
        "shown_state",
        "raw_state",
        "raw_kept_until",
        "created_at",
    ]
    list_filter = ["state", ModalityFilter, "raw_state", BehindFilter, "collection", "created_at"]
    list_select_related = ["collection"]
    search_fields = ["id", "reason"]
    show_full_result_count = False
    inlines = [ProvenanceInline]
    fields = readonly_fields = [
        "id",
        "shown_title",
        "collection",
        "shown_state",
        "reason",
        "reason_detail",
        "modality",
        "source_type",
        "media_type",
        "size_bytes",
        "segment_count",
        "redactions",
        "profile_version",
        "raw_state",
        "raw_kept_until",
        "captured_at",
        "created_at",
        "state_changed_at",
        "attempts",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Assets the visitor may know of, each marked with whether its words may be read."""
        user = visitor(request)
        rows: QuerySet[Asset] = super().get_queryset(request)
        if not user.is_governor:
            rows = asset_rows(user=user)
        return _with_segments(mark_readable(rows, request))

    def detail_buttons(self, request: HttpRequest, obj: Asset) -> Sequence[Button]:
        """What its stewards and governors can have done with it."""
        user = visitor(request)
        held = access.access_to(user=user, collection_id=obj.collection_id)
        if not (user.is_governor or held.allows(Permission.GOVERN)):
            return ()
        pages = {"Place a hold": "audit_legalhold_place", "Erase": "audit_erasurerequest_new"}
        return [
            Button(label, f"{page_of(name)}?asset={obj.pk}")
            for label, name in pages.items()
            if page_of(name)
        ]

    @display(description="id")
    def short_id(self, asset: Asset) -> str:
        """The first part of the id, to tell rows apart."""
        return str(asset.pk)[:8]

    @display(description="title")
    def shown_title(self, asset: Any) -> str:
        """The redacted title, for visitors who may read the collection."""
        return (asset.title or "(untitled)") if asset.may_read else _NOT_SHOWN

    @display(description="state", label=_STATE_LABELS, ordering="state")
    def shown_state(self, asset: Asset) -> str:
        """The state, coloured."""
        return asset.state

    @display(description="segments")
    def segment_count(self, asset: Any) -> int:
        """How many segments can be found."""
        return int(asset.segment_total)


@admin.register(Segment)
class SegmentAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = [
        "id",
        "asset",
        "collection",
        "modality",
        "kind",
        "ordinal",
        "page",
        "start_ms",
        "end_ms",
    ]
    list_filter = [ModalityFilter, "collection"]
    list_select_related = ["asset", "collection"]
    search_fields = ["asset__id"]
    show_full_result_count = False
    fields = readonly_fields = [
        "id",
        "asset",
        "collection",
        "modality",
        "kind",
        "ordinal",
        "page",
        "start",
        "end",
        "start_ms",
        "end_ms",
        "shown_text",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        """Segments the visitor's grants show, each marked with whether its words may be read."""
        return mark_readable(super().get_queryset(request), request)

    @display(description="redacted text")
    def shown_text(self, segment: Any) -> str:
        """The redacted text, for visitors who may read the collection."""
        return segment.text if segment.may_read else _NOT_SHOWN


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = ["route", "user", "status", "created_at"]
    list_filter = ["route", "status"]
    fields = readonly_fields = ["route", "user", "status", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: keys expire by themselves."""
        return False
