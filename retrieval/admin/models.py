"""Encoder bundles, their spaces, vector tables, calibrations and evaluations.

Bundles are installed and evaluated by ``manage.py``, on the appliance itself; promoted and rolled
back there or here, through the same service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from retrieval.admin.base import OperatorsOnly, visitor
from retrieval.admin.evaluation_charts import calibration_charts
from retrieval.admin.plots import Chart
from retrieval.admin.promoting import PromoteForm, RollbackForm, ShownModel, shown
from retrieval.errors import NotVisible, RetrievalError
from retrieval.models import Calibration, EvaluationRun, ModelVersion, Space, VectorTable
from retrieval.promotion_models import Promotion
from retrieval.selectors.evaluations import evaluation_rows, outcome
from retrieval.selectors.versions import version_by_id
from retrieval.services.promotion import promote, rollback

_TEMPLATES = "admin/retrieval/modelversion"
_MOST_RUNS = 20  # in which a calibration's plot is looked for
_COLOURS = {"active": "success", "installed": "info", "retired": "warning"}
_OUTCOMES = {"better": "success", "same": "info", "worse": "danger"}


class CalibrationInline(OperatorsOnly, TabularInline):  # type: ignore[misc] # unfold ships no types
    model = Calibration
    fields = readonly_fields = ["query_modality", "target_modality", "fitted_on", "created_at"]
    extra = 0
    tab = True


class PromotionInline(OperatorsOnly, TabularInline):  # type: ignore[misc] # unfold ships no types
    model = Promotion
    fk_name = "version"
    fields = readonly_fields = [
        "at",
        "replaced_ref",
        "collection",
        "forced",
        "reason",
        "rolled_back_at",
    ]
    extra = 0
    tab = True


@admin.register(ModelVersion)
class ModelVersionAdmin(OperatorsOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = [
        "ref",
        "space",
        "shown_status",
        "shown_modalities",
        "shown_reembedding",
        "shown_outcome",
        "signed",
        "installed_at",
    ]
    list_filter = ["status", "space", "signed"]
    list_select_related = ["space", "reembed"]
    search_fields = ["name", "version"]
    inlines = [CalibrationInline, PromotionInline]
    change_form_outer_before_template = f"{_TEMPLATES}/figures.html"
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

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the two that change which version is in use."""
        own = [
            path(
                "<uuid:model_id>/promote/",
                self.admin_site.admin_view(self.promote_view),
                name="retrieval_modelversion_promote",
            ),
            path(
                "<uuid:model_id>/rollback/",
                self.admin_site.admin_view(self.rollback_view),
                name="retrieval_modelversion_rollback",
            ),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Every version, with the latest comparison that the visitor may know of."""
        rows: QuerySet[ModelVersion] = super().get_queryset(request)
        compared = evaluation_rows(user=visitor(request)).exclude(against="")
        latest = compared.filter(manifest_sha256=OuterRef("manifest_sha256")).values("result")[:1]
        return rows.annotate(latest_result=Subquery(latest))

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The version's page, with what was measured of it above its fields."""
        try:
            version = version_by_id(UUID(object_id))
        except (NotVisible, ValueError):
            raise Http404 from None
        extra = {"shown": shown(version, user=visitor(request)), "may": _may(request)}
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, *args, **{**kwargs, "extra_context": extra}
        )

    def promote_view(self, request: HttpRequest, model_id: UUID) -> HttpResponse:
        """The page that asks once more before a version is put in use, and does it."""
        found = self._shown(request, model_id)
        form = PromoteForm(
            request.POST or None, user=visitor(request), forcible=bool(found.review.gating)
        )
        return self._asked(request, found, form, "promote", promote)

    def rollback_view(self, request: HttpRequest, model_id: UUID) -> HttpResponse:
        """The page that asks once more before a promotion is undone, and does it."""
        found = self._shown(request, model_id)
        return self._asked(request, found, RollbackForm(request.POST or None), "rollback", rollback)

    def _shown(self, request: HttpRequest, model_id: UUID) -> ShownModel:
        if not _may(request):
            raise PermissionDenied
        try:
            return shown(version_by_id(model_id), user=visitor(request))
        except NotVisible:
            raise Http404 from None

    def _asked(
        self,
        request: HttpRequest,
        found: ShownModel,
        form: PromoteForm | RollbackForm,
        verb: str,
        do: Callable[..., Promotion],
    ) -> HttpResponse:
        back = reverse("admin:retrieval_modelversion_change", args=[found.version.pk])
        if request.method == "POST" and form.is_valid():
            try:
                do(ref=found.version.ref, by=visitor(request), **form.wanted)
            except RetrievalError as error:
                form.add_error(None, error.detail)
                for name, texts in error.fields.items():
                    form.add_error(name if name in form.fields else None, texts)
            else:
                messages.success(request, f"{found.version.ref}: {verb} done.")
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb.capitalize()} {found.version.ref}",
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            "shown": found,
            "form": form,
            "verb": verb,
            "back": back,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/confirm.html", context)

    @display(description="status", label=_COLOURS)
    def shown_status(self, version: ModelVersion) -> str:
        """The status, coloured."""
        return version.status

    @display(description="modalities")
    def shown_modalities(self, version: ModelVersion) -> str:
        """What it embeds."""
        return ", ".join(version.modalities)

    @display(description="re-embedding")
    def shown_reembedding(self, version: ModelVersion) -> str:
        """How far its vectors are made."""
        job = getattr(version, "reembed", None)
        if job is None:
            return "-"
        return f"{job.state} ({min(job.done, job.total)} of {job.total})"

    @display(description="against the one in use", label=_OUTCOMES)
    def shown_outcome(self, version: ModelVersion) -> str:
        """What its latest comparison came to."""
        result = getattr(version, "latest_result", None)
        return outcome(EvaluationRun(result=result)) or "-" if result else "-"


def _may(request: HttpRequest) -> bool:
    return visitor(request).is_operator


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
    list_display = [
        "model_version",
        "query_modality",
        "target_modality",
        "collection",
        "status",
        "fitted_on",
        "created_at",
    ]
    list_filter = ["status", "model_version", "query_modality", "target_modality"]
    list_select_related = ["model_version", "collection"]
    change_form_outer_before_template = "admin/retrieval/calibration/reliability.html"
    fields = readonly_fields = [
        "model_version",
        "query_modality",
        "target_modality",
        "collection",
        "status",
        "fitted_on",
        "created_at",
        "parameters",
    ]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The calibration's page, with what it was seen to be worth above its fields."""
        found = self.get_object(request, object_id)
        charts: list[Chart] = []
        if found is not None:
            version = found.model_version
            runs = evaluation_rows(user=visitor(request)).filter(
                manifest_sha256=version.manifest_sha256, kind=EvaluationRun.Kind.MODEL
            )
            charts = calibration_charts(found, list(runs[:_MOST_RUNS]))
        extra = {"charts": charts}
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, *args, **{**kwargs, "extra_context": extra}
        )
