"""Dataset versions in the console: what may be trained on, and what of it may not any more."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.console import Listed
from retrieval.admin.decided import decided
from retrieval.dataset_models import DatasetVersion
from retrieval.selectors.reach import reach_of


@admin.register(DatasetVersion)
class DatasetVersionAdmin(Listed, ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_says = (
        "Assets that could be used for training at one moment. What may not be any more is marked; "
        "models remember what they were trained on."
    )
    empty_says = "None was built: manage.py dataset build COLLECTION NAME."
    list_display = ["ref", "collection", "modality", "size", "shown_state", "built_at"]
    list_filter = ["modality"]
    fields = readonly_fields = [
        *("ref", "collection", "modality", "size", "left_out", "built_at", "stale_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatasetVersion]:
        """Versions of the collections that the visitor answers for."""
        rows = super().get_queryset(request).select_related("dataset__collection")
        reach = reach_of(visitor(request))
        return decided(reach.narrow(rows, "dataset__collection"))

    @display(description="collection")
    def collection(self, version: Any) -> str:
        """Of which assets it is made."""
        return str(version.dataset.collection.name)

    @display(description="state", label={"as built": "success", "stale": "warning"})
    def shown_state(self, version: DatasetVersion) -> str:
        """Whether all of it may still be used."""
        return "stale" if version.stale_at else "as built"
