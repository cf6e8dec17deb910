"""Encoder bundles, their spaces, vector tables, calibrations and evaluations: seen, never edited.

Bundles are installed and promoted by ``manage.py models``, on the appliance itself.
"""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from retrieval.admin.base import OperatorsOnly
from retrieval.models import Calibration, EvaluationRun, ModelVersion, Space, VectorTable


class CalibrationInline(OperatorsOnly, TabularInline):  # type: ignore[misc] # unfold ships no types
    model = Calibration
    fields = readonly_fields = ["query_modality", "target_modality", "fitted_on", "created_at"]
    extra = 0
    tab = True


@admin.register(ModelVersion)
class ModelVersionAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = ["ref", "space", "shown_status", "modalities", "signed", "installed_at"]
    list_filter = ["status", "space", "signed"]
    search_fields = ["name", "version"]
    inlines = [CalibrationInline]
    fields = readonly_fields = [
        "name",
        "version",
        "space",
        "status",
        "modalities",
        "manifest_sha256",
        "signed",
        "unsigned_reason",
        "installed_at",
        "manifest",
    ]

    @display(
        description="status", label={"active": "success", "installed": "info", "retired": "warning"}
    )
    def shown_status(self, version: ModelVersion) -> str:
        """The status, coloured."""
        return version.status


@admin.register(Space)
class SpaceAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = fields = readonly_fields = ["name", "dimension"]


@admin.register(VectorTable)
class VectorTableAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = fields = readonly_fields = [
        "table",
        "model_version",
        "dimension",
        "shards",
        "created_at",
    ]


@admin.register(Calibration)
class CalibrationAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = ["model_version", "query_modality", "target_modality", "fitted_on", "created_at"]
    list_filter = ["model_version", "query_modality", "target_modality"]
    fields = readonly_fields = [
        "model_version",
        "query_modality",
        "target_modality",
        "fitted_on",
        "created_at",
        "parameters",
    ]


@admin.register(EvaluationRun)
class EvaluationRunAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = ["model", "dataset", "created_at"]
    list_filter = ["model", "dataset"]
    fields = readonly_fields = ["model", "dataset", "created_at", "result"]
