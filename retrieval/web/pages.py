"""The page of one asset."""

from __future__ import annotations

from contextlib import closing
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.models import User
from retrieval import scope
from retrieval.access import Permission
from retrieval.models import Asset
from retrieval.review_models import Review
from retrieval.selectors.assets import asset_get, words_in
from retrieval.selectors.collections import collection_get
from retrieval.selectors.reviews import ReviewFilters, review_rows
from retrieval.services.content import rendition_open
from retrieval.states import State
from retrieval.web.common import page, visitor

# A page shows the beginning of a long text; the whole is a download away.
_SHOWN_BYTES = 200_000


@require_GET
@page
def asset_page(request: HttpRequest, asset_id: UUID) -> HttpResponseBase:
    """What the asset is, what was done to it, and its content for who may read it."""
    user = visitor(request)
    found = asset_get(user=user, asset_id=asset_id)
    asset = found.asset
    with scope.user(user.pk):
        held = collection_get(user=user, collection_id=asset.collection_id)
    shown = found.readable and asset.state == State.SEARCHABLE
    context = {
        "asset": asset,
        "title": found.title,
        "collection": held.collection,
        "provenance": found.provenance,
        "shown": shown,
        "text": _text(user, asset) if shown and asset.modality == "text" else "",
        "words": words_in(user=user, asset=asset) if shown else [],
        "review": _open_review(user, asset) if held.access.allows(Permission.GOVERN) else None,
        "may_raw": held.access.allows(Permission.RAW),
        "content_url": reverse("content", args=[asset.pk]),
        "thumbnail_url": reverse("thumbnail", args=[asset.pk]),
        "raw_url": reverse("raw", args=[asset.pk]),
    }
    return render(request, "web/asset.html", context)


def _open_review(user: User, asset: Asset) -> Review | None:
    """The review of the asset that waits for a steward."""
    with scope.user(user.pk):
        rows = review_rows(user=user, filters=ReviewFilters(state=Review.State.OPEN))
        return rows.filter(asset_id=asset.pk).first()


def _text(user: User, asset: Asset) -> str:
    with closing(rendition_open(user=user, asset_id=asset.pk).stream) as stream:
        return stream.read(_SHOWN_BYTES).decode("utf-8", errors="replace")
