"""The console's page on which a steward sees what redacting anew would do, and begins it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from retrieval import access
from retrieval.access import Permission
from retrieval.admin.base import visitor
from retrieval.errors import NotAllowed, NotVisible, RetrievalError
from retrieval.selectors.reredaction import ReredactionPlan
from retrieval.services.reredaction import reredact_cancel, reredact_plan, reredact_start

_TEMPLATES = "admin/retrieval/collection"


class Reredacting:
    """For the admin of collections: a card above the fields, and the page that asks once more."""

    change_form_outer_before_template = f"{_TEMPLATES}/redaction.html"
    admin_site: Any
    model: Any

    def get_urls(self) -> list[URLPattern]:
        """The usual ones, and the page that begins and stops it."""
        own = path(
            "<uuid:collection_id>/reredact/",
            self.admin_site.admin_view(self.reredact_view),
            name="retrieval_collection_reredact",
        )
        usual: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        return [own, *usual]

    def plan_words(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """What the card says: nothing to who does not govern the collection."""
        try:
            collection_id = UUID(object_id or "")
            plan = reredact_plan(user=visitor(request), collection_id=collection_id)
        except (RetrievalError, ValueError):
            return {}
        return {"plan": plan, "may_reredact": bool(plan.running) or _due(plan)}

    def offer(self, request: HttpRequest, collection_id: UUID) -> None:
        """Says, after a change of profile, that what is stored can be redacted anew."""
        plan = reredact_plan(user=visitor(request), collection_id=collection_id)
        if _due(plan):
            address = reverse("admin:retrieval_collection_reredact", args=[collection_id])
            messages.warning(
                request,
                format_html(
                    "{} stored assets were redacted by another profile. "
                    '<a href="{}">See what redacting them anew would do</a>',
                    plan.again + plan.not_any_more,
                    address,
                ),
            )

    def reredact_view(self, request: HttpRequest, collection_id: UUID) -> HttpResponse:
        """What would happen; with a POST it begins, or stops."""
        user = visitor(request)
        try:
            access.require(user=user, collection_id=collection_id, permission=Permission.GOVERN)
            plan = reredact_plan(user=user, collection_id=collection_id)
        except NotVisible:
            raise Http404 from None
        except NotAllowed:
            raise PermissionDenied from None
        back = reverse("admin:retrieval_collection_change", args=[collection_id])
        if request.method == "POST":
            self._do(request, collection_id)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Redact anew by {plan.profile.ref}",
            "opts": self.model._meta,  # noqa: SLF001 - Django's own way to name a model in templates
            "plan": plan,
            "due": _due(plan),
            "back": back,
        }
        return TemplateResponse(request, f"{_TEMPLATES}/reredact.html", context)

    def _do(self, request: HttpRequest, collection_id: UUID) -> None:
        try:
            if "cancel" in request.POST:
                reredact_cancel(by=visitor(request), collection_id=collection_id)
                messages.success(request, "Stopped. What is withheld stays so until the next run.")
                return
            reredact_start(
                by=visitor(request),
                collection_id=collection_id,
                withhold_rest="withhold_rest" in request.POST,
            )
            messages.success(request, "It has begun.")
        except RetrievalError as error:
            messages.error(request, error.detail)


def _due(plan: ReredactionPlan) -> bool:
    return bool(plan.again or plan.returning or plan.exposed)
