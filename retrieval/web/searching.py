"""Searching: the page, the answer to a search, and the visitor's latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from retrieval import scope
from retrieval.models import Collection
from retrieval.selectors.assets import asset_get
from retrieval.selectors.collections import readable_collections
from retrieval.selectors.modalities import BASE, modalities_embedded
from retrieval.selectors.searches import search_list
from retrieval.services.search import SearchRequest, search_run
from retrieval.services.search.checks import MAX_COLLECTIONS
from retrieval.web.asking import repeated, request_of
from retrieval.web.common import is_part, page, visitor

if TYPE_CHECKING:
    from accounts.models import User

FEW_COLLECTIONS = 12  # more are a list to open
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
            "few": FEW_COLLECTIONS,
            "most": f":{MAX_COLLECTIONS}",
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
    wanted = request_of(request)
    answer = search_run(user=user, request=wanted).as_json()
    with scope.user(user.pk):
        of_hits = {hit["asset"]["collection"] for hit in answer["hits"]}
        found = Collection.objects.filter(id__in=of_hits).values_list("id", "name")
        names = {str(collection_id): name for collection_id, name in found}
        like = _like(user, wanted)
    context = {
        "page": "search",
        "answer": answer,
        "matches": sum(hit["verdict"] == "match" for hit in answer["hits"]),
        "names": names,
        "include_uncertain": wanted.include_uncertain,
        "words": wanted.text or "",
        "like": like,
        "again": repeated(request),
        "by_file": wanted.file is not None,
        # Words alone can be shown to stewards, if the searcher wants it.
        "has_words": answer["query"]["modality"] == "text" and wanted.asset is None,
        "targets": MODALITIES,
        "inner": "web/partials/results.html",
    }
    template = "web/partials/results.html" if is_part(request) else "web/results_page.html"
    return render(request, template, context)


def _like(user: User, request: SearchRequest) -> str:
    """The title of the asset that is asked with."""
    if request.asset is None:
        return ""
    return asset_get(user=user, asset_id=request.asset).title or "Untitled"


@require_GET
@page
def searches_page(request: HttpRequest) -> HttpResponseBase:
    """The visitor's own latest searches."""
    records = search_list(user=visitor(request), limit=100)
    context = {"page": "searches", "records": records}
    return render(request, "web/searches.html", context)
