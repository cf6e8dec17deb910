"""Collections and grants: governed here, through the services that check and record each change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from retrieval import access
from retrieval.access import Permission
from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.console import Button
from retrieval.admin.judging import Judging
from retrieval.admin.reredacting import Reredacting
from retrieval.errors import RetrievalError
from retrieval.models import Asset, Collection, Grant
from retrieval.selectors.profiles import all_names
from retrieval.services import collections as services

if TYPE_CHECKING:
    from django.db.models import Model

    _CollectionModelForm = forms.ModelForm[Collection]
else:  # Django's own class takes no parameter
    _CollectionModelForm = forms.ModelForm


def _assets(**filters: Any) -> Coalesce:
    """How many assets a collection has: by an index alone, for the rows that are shown."""
    found = Asset.objects.filter(collection_id=OuterRef("pk"), **filters).order_by()
    total = found.values("collection_id").annotate(total=Count("*")).values("total")
    return Coalesce(Subquery(total), 0)


def governs(request: HttpRequest, collection: Collection | None) -> bool:
    """Whether the visitor is a steward of ``collection``, or of any where none is named."""
    governed = access.collections_with(user=visitor(request), permission=Permission.GOVERN)
    return bool(governed) if collection is None else collection.pk in governed


class _ThroughServices:
    """Saves through a service and shows its refusal as a message instead of an error page."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc,no-any-return]
        except RetrievalError as error:
            reasons = [text for texts in error.fields.values() for text in texts]
            messages.error(request, " ".join(reasons) or error.detail)
            return HttpResponseRedirect(request.get_full_path())


class CollectionForm(_CollectionModelForm):
    redaction_profile = forms.ChoiceField(
        choices=lambda: [(name, name) for name in all_names()],
        initial="standard",
        widget=UnfoldAdminSelectWidget,
        help_text="Holds for what is uploaded from now on; the rest can be redacted anew.",
    )

    class Meta:
        model = Collection
        fields = ["name", "description", "redaction_profile", "retention_policy"]


class GrantInline(ReadOnly, TabularInline):  # type: ignore[misc] # unfold ships no types
    model = Grant
    fields = readonly_fields = ["user", "team", "role", "raw", "expires_at", "created_by"]
    extra = 0
    tab = True


@admin.register(Collection)
class CollectionAdmin(Reredacting, Judging, _ThroughServices, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    change_form_outer_before_template = "admin/retrieval/collection/before.html"
    form = CollectionForm
    list_display = [
        "name",
        "redaction_profile",
        "retention_policy",
        "searchable",
        "quarantined",
        "total",
    ]
    list_says = "A body of assets with one set of rules: for what, on what ground, and how long."
    empty_says = "There is no collection that you answer for."
    list_filter = ["redaction_profile", "retention_policy"]
    list_select_related = ["retention_policy"]
    search_fields = ["name"]
    readonly_fields = ["id", "purposes", "model_set", "created_at", "created_by"]
    inlines = [GrantInline]
    actions = None

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The collection's page; above its fields how far its profile is applied, and feedback."""
        extra = self.plan_words(request, object_id) | self.feedback_words(request, object_id)
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, *args, **{**kwargs, "extra_context": extra}
        )

    def detail_buttons(self, request: HttpRequest, obj: Collection) -> Sequence[Button]:
        """What its stewards decide beside its fields."""
        rules = reverse("admin:console_collection_rules", args=[obj.pk])
        if not governs(request, obj):
            return [Button("Rules", rules)] if visitor(request).is_governor else ()
        address = reverse("admin:console_purposes", args=[obj.pk])
        return [
            Button("Rules, people and holds", rules, "primary"),
            Button("Purposes and consent", address),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Collection | None = None) -> list[str]:
        """The policy of a collection that exists is changed where what falls due is shown."""
        return [*self.readonly_fields, *(["retention_policy"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Collections the visitor's scope shows, with counts of what they hold."""
        rows: QuerySet[Collection] = super().get_queryset(request)
        return rows.annotate(
            total_count=_assets(),
            searchable_count=_assets(state="searchable"),
            quarantined_count=_assets(state="quarantined"),
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Everybody whom the console admits."""
        return access.may_enter_console(user=request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Everybody whom the console admits; rows are limited by their grants."""
        return access.may_enter_console(user=request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may create collections."""
        return visitor(request).may_create_collections

    def has_change_permission(self, request: HttpRequest, obj: Collection | None = None) -> bool:
        """The collection's stewards."""
        return governs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Collection | None = None) -> bool:
        """The collection's stewards; the service refuses while it holds assets."""
        return obj is not None and governs(request, obj)

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Create or change through the service."""
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        policy = values.pop("retention_policy", None)
        if "retention_policy" in form.changed_data:
            values["retention_policy"] = policy.pk if policy else None
        if change:
            services.collection_update(by=visitor(request), collection_id=obj.pk, **values)
            if "redaction_profile" in values:
                self.offer(request, obj.pk)
            return
        obj.pk = services.collection_create(by=visitor(request), **values).pk

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        """Delete through the service, which wants the collection empty."""
        services.collection_delete(by=visitor(request), collection_id=obj.pk)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The confirmation page; a refusal is a message."""
        try:
            return super().delete_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except RetrievalError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect("../change/")

    @display(description="searchable", ordering="searchable_count")
    def searchable(self, collection: Any) -> int:
        """How many assets can be found."""
        return int(collection.searchable_count)

    @display(description="quarantined", ordering="quarantined_count")
    def quarantined(self, collection: Any) -> int:
        """How many await a human."""
        return int(collection.quarantined_count)

    @display(description="assets", ordering="total_count")
    def total(self, collection: Any) -> int:
        """How many there are in any state."""
        return int(collection.total_count)


@admin.register(Grant)
class GrantAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = [
        "collection",
        "user",
        "team",
        "role",
        "raw",
        "expires_at",
        "created_by",
        "created_at",
    ]
    list_filter = ["role", "raw", "collection", "team"]
    list_select_related = ["collection", "user", "team", "created_by"]
    search_fields = ["user__username", "team__slug", "collection__name"]
    fields = readonly_fields = [
        "collection",
        "user",
        "team",
        "role",
        "raw",
        "expires_at",
        "created_by",
        "created_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        """Grants in collections the visitor governs; all of them for governors."""
        rows: QuerySet[Grant] = super().get_queryset(request)
        user = visitor(request)
        if user.is_governor:
            return rows
        governed = access.collections_with(user=user, permission=Permission.GOVERN)
        return rows.filter(collection_id__in=governed)
