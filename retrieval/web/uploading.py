"""Uploading: the page, one file, and the row that tells where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods

from audit.retention import after_days
from retrieval import scope
from retrieval.access import Permission
from retrieval.errors import Invalid
from retrieval.selectors.assets import asset_get
from retrieval.selectors.collections import readable_collections
from retrieval.selectors.modalities import BASE, modalities_embedded
from retrieval.services.ingest import asset_upload
from retrieval.states import RESTING, State
from retrieval.uploads import EncryptedUpload, accept_encrypted
from retrieval.web.common import page, visitor

if TYPE_CHECKING:
    from retrieval.models import Collection


# CSRF is checked in _upload, once the encrypting handler is in place: the check reads the body.
@csrf_exempt
@require_http_methods(["GET", "POST"])
@page
def upload_page(request: HttpRequest) -> HttpResponseBase:
    """The form, or, by POST, one uploaded file as a table row."""
    if request.method == "POST":
        accept_encrypted(request)
        return _upload(request)
    user = visitor(request)
    with scope.user(user.pk):
        held = [
            one
            for one in readable_collections(user=user)
            if one.access.allows(Permission.CONTRIBUTE)
        ]
        collections = [one.collection for one in held]
        for collection in collections:
            collection.kept = _kept(collection)  # type: ignore[attr-defined] # for the template alone
        context = {
            "page": "upload",
            "collections": collections,
            "modalities": [m for m in modalities_embedded() if m not in BASE],
            "max_mb": settings.VITRINE_MAX_UPLOAD_BYTES // 2**20,
        }
        return render(request, "web/upload.html", context)


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES.get("file")
    if not isinstance(file, EncryptedUpload):
        raise Invalid("Choose a file first.")
    try:
        collection_id = UUID(request.POST.get("collection", ""))
    except ValueError:
        raise Invalid("Choose a collection first.") from None
    asset, created = asset_upload(
        user=visitor(request),
        collection_id=collection_id,
        upload=file,
        source=request.POST.get("source", ""),
        # One choice for all files of the form: it is meant for the arrays among them.
        modality=request.POST.get("modality", "") if (file.name or "").endswith(".npy") else "",
    )
    return _row(request, asset.pk, duplicate=not created)


@require_GET
@page
def row(request: HttpRequest, asset_id: UUID) -> HttpResponseBase:
    """The row of one asset; it asks again by itself until the asset rests."""
    return _row(request, asset_id)


def _row(request: HttpRequest, asset_id: UUID, *, duplicate: bool = False) -> HttpResponse:
    user = visitor(request)
    with scope.user(user.pk):
        found = asset_get(user=user, asset_id=asset_id)
    context = {
        "asset": found.asset,
        "title": found.title,
        "resting": State(found.asset.state) in RESTING,
        "duplicate": duplicate,
    }
    return render(request, "web/partials/row.html", context)


def _kept(collection: Collection) -> str:
    policy = collection.retention_policy
    days = after_days(policy.rules, what="raw", modality="") if policy else None
    if days is None:
        return "Originals are kept until a steward sets a period."
    return f"Originals are destroyed after {days} days; the redacted version stays."
