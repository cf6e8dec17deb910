"""The review queue: what redaction was not sure of, looked at and decided by stewards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from retrieval import access, scope
from retrieval.access import Permission
from retrieval.admin.base import ReadOnly, visitor
from retrieval.admin.reviewing import shown
from retrieval.errors import Invalid, NotVisible, RetrievalError
from retrieval.review_models import Review
from retrieval.selectors.reviews import Decision, has_preview, next_open, review_get, review_rows
from retrieval.services.reviews import review_decide

if TYPE_CHECKING:
    from django.db.models import Model

_TEMPLATE = "admin/retrieval/review/review.html"
_COLOURS = {
    "open": "warning",
    "accepted": "success",
    "redacted": "success",
    "rejected": "danger",
    "retried": "info",
    "closed": "info",
}
_DONE = {
    Decision.ACCEPT: "Accepted",
    Decision.REDACT: "Redacted further; it is looked at once more",
    Decision.REJECT: "Rejected",
    Decision.RETRY: "It is run again from the original",
}


class StateFilter(admin.SimpleListFilter):
    """Open ones, unless others are asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every state, and all of them."""
        del request, model_admin
        return [*Review.State.choices, ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Without Django's own "All": what is open is the default."""
        for value, title in self.lookup_choices:
            yield {
                "selected": (self.value() or Review.State.OPEN) == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows in the state asked for."""
        del request
        state = self.value() or Review.State.OPEN
        return queryset if state == "all" else queryset.filter(state=state)


@admin.register(Review)
class ReviewAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = ["picture", "why", "shown_state", "modality", "collection", "waiting"]
    list_display_links = ["picture", "why"]
    list_filter = [StateFilter, "kind", "collection"]
    list_per_page = 25
    ordering = ["opened_at"]
    show_full_result_count = False
    actions = None

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and where a decision is sent."""
        # Outside of the console's transaction: the decision asks the redaction server.
        decide = login_required(require_POST(self.decide_view))
        return [path("<uuid:review_id>/decide/", decide, name="review_decide"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        """Reviews of the collections that the visitor stewards."""
        return review_rows(user=visitor(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Stewards of any collection."""
        return bool(access.collections_with(user=visitor(request), permission=Permission.GOVERN))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Stewards; rows are limited to their collections."""
        return self.has_module_permission(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The queue, what waits longest first."""
        extra = {"title": "Review queue", **(extra_context or {})}
        return super().changelist_view(request, extra)  # type: ignore[no-any-return]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One review: its preview, its findings, and the decision."""
        del args, kwargs
        try:
            return self._page(request, UUID(object_id))
        except (NotVisible, ValueError):
            raise Http404 from None

    def decide_view(self, request: HttpRequest, review_id: UUID) -> HttpResponse:
        """Decides, and goes on to the next; what stands against it is said on the same page."""
        user = visitor(request)
        try:
            review = review_get(user=user, review_id=review_id).review
            decision = _decision(request)
            review_decide(
                user=user,
                review_id=review_id,
                decision=decision,
                regions=_regions(request) if decision is Decision.REDACT else [],
                reason=request.POST.get("reason", ""),
            )
        except NotVisible:
            raise Http404 from None
        except RetrievalError as error:
            with scope.console(request.user):
                page = self._page(request, review_id, problem=error)
                return page.render()
        messages.success(request, f"{_DONE[decision]}.")
        following = next_open(user=user, after=review)
        if following is None:
            return HttpResponseRedirect(reverse("admin:retrieval_review_changelist"))
        return HttpResponseRedirect(reverse("admin:retrieval_review_change", args=[following]))

    def _page(
        self, request: HttpRequest, review_id: UUID, *, problem: RetrievalError | None = None
    ) -> TemplateResponse:
        user = visitor(request)
        view = review_get(user=user, review_id=review_id)
        page = shown(view, following=next_open(user=user, after=view.review))
        context = {
            **self.admin_site.each_context(request),
            "title": page.heading,
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            "review": view.review,
            "asset": view.asset,
            "view": view,
            "page": page,
            "problem": " ".join(_said(problem)) if problem else "",
            "given": request.POST,
            "is_fullwidth": "1",
        }
        return TemplateResponse(
            request, _TEMPLATE, context, status=problem.status if problem else 200
        )

    @display(description="preview")
    def picture(self, review: Review) -> SafeString | str:
        """A small picture of the covered preview; opening it is recorded."""
        if not has_preview(review):
            return "none"
        address = reverse("review-thumbnail", args=[review.pk])
        return format_html(
            '<img src="{}" alt="Preview" loading="lazy" class="review-picture">', address
        )

    @display(description="why", ordering="reason")
    def why(self, review: Review) -> str:
        """The sentence that the asset carries."""
        return review.reason_detail or review.reason

    @display(description="state", label=_COLOURS, ordering="state")
    def shown_state(self, review: Review) -> str:
        """The state, coloured."""
        return review.state

    @display(description="modality")
    def modality(self, review: Review) -> str:
        """What kind of asset it is."""
        return review.asset.modality or "unknown"

    @display(description="waiting", ordering="opened_at")
    def waiting(self, review: Review) -> str:
        """For how long, or how long it took."""
        return timesince(review.opened_at, review.decided_at)


def _said(problem: RetrievalError) -> list[str]:
    return [text for texts in problem.fields.values() for text in texts] or [problem.detail]


def _decision(request: HttpRequest) -> Decision:
    try:
        return Decision(request.POST.get("decision", ""))
    except ValueError:
        message = "Choose what is to be done."
        raise Invalid(message, fields={"decision": [message]}) from None


def _regions(request: HttpRequest) -> list[dict[str, Any]]:
    try:
        given = json.loads(request.POST.get("regions") or "[]")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        message = "The regions cannot be read."
        raise Invalid(message, fields={"regions": [message]})
    return given
