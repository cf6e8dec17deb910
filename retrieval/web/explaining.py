"""The page of a recorded search: why its hits came up, and why not something else."""

from __future__ import annotations

import base64
import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from retrieval import scope
from retrieval.errors import Invalid
from retrieval.selectors.collections import readable_collections
from retrieval.selectors.feedback import feedback_of
from retrieval.selectors.searches import search_explain
from retrieval.services.replay import search_replay
from retrieval.services.saliency import saliency_draw
from retrieval.services.why_not import why_not
from retrieval.web.common import is_part, page, visitor

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@require_GET
@page
def record_page(request: HttpRequest, search_id: UUID) -> HttpResponseBase:
    """The explanation record of one search, as its searcher or a governor may see it."""
    return _page(request, search_id)


@require_GET
@page
def saliency_part(request: HttpRequest, search_id: UUID, rank: int) -> HttpResponseBase:
    """The map of one hit with its words, drawn once for both."""
    found = saliency_draw(user=visitor(request), search_id=search_id, rank=rank)
    # In the page itself: a second request would draw it a second time.
    data = base64.b64encode(found.png).decode()
    return render(request, "web/partials/saliency.html", {"map": found, "data": data, "rank": rank})


@require_GET
@page
def why_not_part(request: HttpRequest, search_id: UUID) -> HttpResponseBase:
    """Why an asset, named by its id or the address of its page, is not among the hits."""
    given = _UUID.search(request.GET.get("asset", ""))
    if given is None:
        raise Invalid("Paste the address of an asset's page, or its id.")
    found = why_not(user=visitor(request), search_id=search_id, asset_id=UUID(given[0]))
    return _answer(request, search_id, "why", found.as_json())


@require_POST
@page
def replay_part(request: HttpRequest, search_id: UUID) -> HttpResponseBase:
    """Whether the same search gives the same hits now."""
    found = search_replay(search_id=search_id, user=visitor(request))
    return _answer(request, search_id, "replay", found.as_json())


def _answer(
    request: HttpRequest, search_id: UUID, name: str, found: dict[str, Any]
) -> HttpResponseBase:
    """A part where htmx asks for one, the whole page without scripts."""
    if is_part(request):
        return render(request, f"web/partials/{name}.html", {name: found})
    return _page(request, search_id, **{name: found})


def _page(request: HttpRequest, search_id: UUID, **more: dict[str, Any]) -> HttpResponseBase:
    user = visitor(request)
    record = search_explain(user=user, search_id=search_id)
    with scope.user(user.pk):
        names = _names(user)
        judged = feedback_of(user=user, search_id=search_id) if record.own else {}
    context = {
        "page": "searches",
        "record": record.as_json(),
        "own": record.own,
        "names": names,
        "judged": {str(rank): one for rank, one in judged.items()},
    }
    return render(request, "web/record.html", context | more)


def _names(user: User) -> dict[str, str]:
    held = readable_collections(user=user)
    return {str(one.collection.pk): one.collection.name for one in held}
