"""Searching: the page, the answer to a search, and the record it left."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from retrieval import scope
from retrieval.errors import Invalid
from retrieval.selectors.collections import readable_collections
from retrieval.selectors.modalities import BASE, modalities_embedded
from retrieval.selectors.searches import search_explain, search_list
from retrieval.services.search import SearchRequest, search_run
from retrieval.web.common import is_part, page, visitor

MODALITIES = (("text", "Texts"), ("image", "Pictures"), ("audio", "Sounds"))


@require_GET
@page
def search_page(request: HttpRequest) -> HttpResponseBase:
    """The page to ask from."""
    user = visitor(request)
    with scope.user(user.pk):
        others = [m for m in modalities_embedded() if m not in BASE]
        context = {
            "page": "search",
            "modalities": [*MODALITIES, *((m, m.capitalize()) for m in others)],
            "others": others,
            "collections": [held.collection for held in readable_collections(user=user)],
        }
        return render(request, "web/search.html", context)


@require_http_methods(["GET", "POST"])
@page
def search_run_view(request: HttpRequest) -> HttpResponseBase:
    """The answer. Asked by POST, so that no query stands in an address, a history or a log."""
    if request.method == "GET":
        return redirect("web:search")
    user = visitor(request)
    wanted = _request(request)
    answer = search_run(user=user, request=wanted).as_json()
    with scope.user(user.pk):
        names = {str(h.collection.pk): h.collection.name for h in readable_collections(user=user)}
    context = {
        "page": "search",
        "answer": answer,
        "names": names,
        "include_uncertain": wanted.include_uncertain,
        "inner": "web/partials/results.html",
    }
    template = "web/partials/results.html" if is_part(request) else "web/results_page.html"
    return render(request, template, context)


def _is_array(file: Any) -> bool:
    return file is not None and (file.name or "").endswith(".npy")


def _request(request: HttpRequest) -> SearchRequest:
    form = request.POST
    file = request.FILES.get("file")
    parts: dict[str, Any] = {
        "text": form.get("text", "").strip() or None,
        "file": file.read() if file else None,
        "file_modality": form.get("file_modality", "") if _is_array(file) else "",
        "include_uncertain": form.get("include_uncertain") == "1",
        "top_k": 24,
    }
    try:
        parts["asset"] = UUID(form["asset"]) if form.get("asset") else None
        parts["collections"] = [UUID(one) for one in form.getlist("collections")] or None
    except ValueError:
        raise Invalid("This form is broken; reload the page.") from None
    parts["modalities"] = form.getlist("modalities") or None
    if not (parts["text"] or parts["file"] or parts["asset"]):
        raise Invalid("Type something, or choose a picture or a sound.")
    return SearchRequest(**parts)


@require_GET
@page
def searches_page(request: HttpRequest) -> HttpResponseBase:
    """The visitor's own latest searches."""
    records = search_list(user=visitor(request), limit=100)
    context = {"page": "searches", "records": records}
    return render(request, "web/searches.html", context)


@require_GET
@page
def record_page(request: HttpRequest, search_id: UUID) -> HttpResponseBase:
    """The explanation record of one search, as its searcher or a governor may see it."""
    user = visitor(request)
    record = search_explain(user=user, search_id=search_id).as_json()
    with scope.user(user.pk):
        names = {str(h.collection.pk): h.collection.name for h in readable_collections(user=user)}
    return render(request, "web/record.html", {"record": record, "names": names})
