"""Declared tasks in the console: what is good enough for a collection, and how it stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from retrieval import access
from retrieval.access import Permission
from retrieval.admin.base import ReadOnly, visitor
from retrieval.errors import NotVisible, RetrievalError
from retrieval.evaluation.tasks import FIGURES, FUSED, LOWER_IS_BETTER, PAIR_FIGURES
from retrieval.evaluation_models import EvaluationTask
from retrieval.models import Collection
from retrieval.selectors.evaluation_tasks import task_views
from retrieval.services.evaluation_tasks import (
    MAX_NAME,
    MAX_REASON,
    task_declare,
    task_withdraw,
)

_TEMPLATES = "admin/retrieval/evaluationtask"
_MODALITIES = ("image", "audio", "text")


def _figures() -> list[tuple[str, str]]:
    return [
        (name, f"{name.replace('_', ' ')}, {'at most' if name in LOWER_IS_BETTER else 'at least'}")
        for name in FIGURES
    ]


def _pairs() -> list[tuple[str, str]]:
    asked = [(f"text-{kind}", f"text to {kind}") for kind in _MODALITIES]
    fused = [(f"{FUSED}-{kind}", f"{kind} in the list a search gives") for kind in _MODALITIES]
    return [
        ("", "no pair (calibration, abstention, latency)"),
        *asked,
        (FUSED, "the list a search gives"),
        *fused,
    ]


class TaskForm(forms.Form):
    """A task, or the next version of the one of its name."""

    name = forms.CharField(max_length=MAX_NAME, widget=UnfoldAdminTextInputWidget)
    figure = forms.ChoiceField(choices=_figures, widget=UnfoldAdminSelectWidget)
    pair = forms.ChoiceField(
        choices=_pairs,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=f"Of: {', '.join(PAIR_FIGURES)}.",
    )
    bound = forms.FloatField(widget=UnfoldAdminDecimalFieldWidget)
    margin = forms.FloatField(
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="How much worse than the model in use is accepted. Empty: whatever it is.",
    )
    reason = forms.CharField(
        max_length=MAX_REASON, required=False, widget=UnfoldAdminTextInputWidget
    )


@admin.register(EvaluationTask)
class EvaluationTaskAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    exportable = False  # no list of rows: each collection's tasks have a page

    def get_urls(self) -> list[URLPattern]:
        """Which collections there are, the tasks of one, and the end of one."""

        def page(route: str, view: Any, name: str) -> URLPattern:
            wrapped = self.admin_site.admin_view(view)
            made: URLPattern = path(route, wrapped, name=f"retrieval_evaluationtask_{name}")
            return made

        return [
            page("", self.list_view, "changelist"),
            page("of/<uuid:collection_id>/", self.tasks_view, "of"),
            page(
                "of/<uuid:collection_id>/<uuid:task_id>/withdraw/", self.withdraw_view, "withdraw"
            ),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The collections in which the visitor holds a role."""
        held = access.access_by_collection(user=visitor(request))
        rows = Collection.objects.filter(pk__in=list(held)).order_by("name")
        return self._page(request, "list", "Declared tasks", collections=list(rows))

    def tasks_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """A collection's tasks and how they stand; stewards declare here."""
        user = visitor(request)
        try:
            views = task_views(user=user, collection_id=collection_id)
        except NotVisible:
            raise Http404 from None
        held = access.access_to(user=user, collection_id=collection_id)
        may = held.allows(Permission.GOVERN)
        again = next((v.task for v in views if v.task.name == request.GET.get("name")), None)
        form = TaskForm(request.POST or None, initial=_initial(again))
        if request.method == "POST":
            if not may:
                raise PermissionDenied
            if form.is_valid() and self._declared(request, form, collection_id):
                return HttpResponseRedirect(_address(collection_id))
        name = Collection.objects.filter(pk=collection_id).values_list("name", flat=True).first()
        return self._page(
            request,
            "tasks",
            f"Declared tasks of {name}",
            views=views,
            form=form,
            may=may,
            collection_id=collection_id,
        )

    def withdraw_view(
        self, request: HttpRequest, collection_id: UUID, task_id: UUID
    ) -> HttpResponse:
        """A task no longer asked for; only with a POST."""
        if request.method == "POST":
            try:
                gone = task_withdraw(by=visitor(request), task_id=task_id)
            except NotVisible:
                raise Http404 from None
            except RetrievalError as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, f"{gone.name} is withdrawn.")
        return HttpResponseRedirect(_address(collection_id))

    def _declared(self, request: HttpRequest, form: TaskForm, collection_id: UUID) -> bool:
        try:
            row = task_declare(
                by=visitor(request), collection_id=collection_id, **form.cleaned_data
            )
        except RetrievalError as error:
            if not error.fields:
                form.add_error(None, error.detail)
            for field, texts in error.fields.items():
                form.add_error(field if field in form.fields else None, texts)
            return False
        messages.success(request, f"{row} is declared. Runs made before now do not count for it.")
        return True

    def _page(self, request: HttpRequest, template: str, title: str, **words: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            **words,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/{template}.html", context)


def _initial(task: EvaluationTask | None) -> dict[str, Any]:
    if task is None:
        return {"figure": "recall@10", "pair": "text-image"}
    return {
        "name": task.name,
        "figure": task.figure,
        "pair": task.pair,
        "bound": task.bound,
        "margin": task.margin,
    }


def _address(collection_id: UUID) -> str:
    return reverse("admin:retrieval_evaluationtask_of", args=[collection_id])
