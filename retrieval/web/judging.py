"""Thumbs: what a visitor says of a hit, with htmx as a part of the page, without it as a form."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from retrieval import scope
from retrieval.errors import Invalid
from retrieval.feedback_models import NOTHING_RIGHT
from retrieval.services.feedback import feedback_give, own_search, words_of
from retrieval.web.common import is_part, page, visitor

# What a button says, as (relevant, whether the words of the search may be seen).
SAID: dict[str, tuple[bool | None, bool]] = {
    "right": (True, False),
    "share": (True, True),
    "wrong": (False, False),
    "back": (None, False),
}


@require_POST
@page
def judge(request: HttpRequest, search_id: UUID) -> HttpResponseBase:
    """Notes it, and answers with the thumbs as they are now."""
    user = visitor(request)
    try:
        rank = int(request.POST.get("rank", ""))
        relevant, share = SAID[request.POST.get("say", "")]
    except (ValueError, KeyError):
        raise Invalid("This form is broken; reload the page.") from None
    judged = feedback_give(
        user=user, search_id=search_id, rank=rank, relevant=relevant, share_words=share
    )
    if not is_part(request):
        messages.success(request, "Noted." if judged else "Taken back.")
        return redirect("web:record", search_id)
    with scope.user(user.pk):
        words = words_of(own_search(user=user, search_id=search_id))
    context = {
        "search_id": search_id,
        "rank": rank,
        "judged": judged,
        "has_words": words is not None,
    }
    name = "nothing_right" if rank == NOTHING_RIGHT else "thumbs"
    return render(request, f"web/partials/{name}.html", context)
