"""Assets: upload, look at, delete."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from retrieval import access
from retrieval.access import Permission
from retrieval.api import asset_serializers as s
from retrieval.api.base import ScopedView, UnheldView
from retrieval.api.streaming import begins_later, content_response, ending, safe
from retrieval.selectors import assets as selectors
from retrieval.services import content, ingest
from retrieval.services.assets import asset_delete
from retrieval.uploads import EncryptedUpload, accept_encrypted

_BYTES = {
    (200, "*/*"): OpenApiTypes.BINARY,
    (206, "*/*"): OpenApiTypes.BINARY,
    416: OpenApiResponse(description="The range begins beyond the end."),
    410: OpenApiResponse(description="Destroyed, as the retention policy says."),
}
_RANGE = OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One range of bytes.")
_TRUE = {"1", "true", "yes", "on"}


class UploadView(UnheldView):
    """Files on their way into a collection: encrypted while they arrive, never plain on a disk."""

    parser_classes = [MultiPartParser]
    idempotent: ClassVar[bool] = True

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """DRF's request.

        Nothing has read the body yet, so it is decided here where its files go.
        """
        self._previews = request.GET.get("preview", "").lower() in _TRUE
        if request.method == "POST" and not self._previews:
            accept_encrypted(request, guard=lambda: self._refuse_strangers(request))
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(
        operation_id="assets_upload",
        tags=["assets"],
        request={"multipart/form-data": s.UploadInput},
        parameters=[
            OpenApiParameter(
                "preview", bool, description="Answer with the redacted rendition; keep nothing."
            )
        ],
        responses={
            202: s.UploadOutput,
            200: OpenApiResponse(
                s.UploadOutput,
                description="Here already; or, with `preview`, the redacted rendition's bytes.",
            ),
            422: OpenApiResponse(description="With `preview`: the file cannot be taken."),
        },
    )
    def post(self, request: Request, collection_id: UUID) -> HttpResponseBase:
        """Take a file in (202), or name the asset with the same content (200)."""
        access.require(
            user=self.caller(), collection_id=collection_id, permission=Permission.CONTRIBUTE
        )
        given = self.parsed(s.UploadInput)
        if self._previews:
            return self._preview(collection_id, given)
        upload: EncryptedUpload = given.pop("file")
        asset, new = ingest.asset_upload(
            user=self.caller(), collection_id=collection_id, upload=upload, **given
        )
        return Response(s.UploadOutput(asset).data, status=202 if new else 200)

    def fingerprint(self, request: Request) -> bytes:
        """SHA-256 over the fields and the files' own digests."""
        form = request.data
        assert isinstance(form, QueryDict)  # noqa: S101 - the only parser is that of forms
        fields = {name: form.getlist(name) for name in form if name not in request.FILES}
        files = {
            name: [self._digest(one) for one in request.FILES.getlist(name)]
            for name in request.FILES
        }
        asked = [request.META.get("QUERY_STRING", ""), fields, files]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()

    def _preview(self, collection_id: UUID, given: dict[str, Any]) -> HttpResponseBase:
        file = given["file"]
        made = ingest.preview(
            user=self.caller(),
            collection_id=collection_id,
            data=file.read(),
            name=file.name,
            title=given.get("title", ""),
            modality=given.get("modality", ""),
        )
        response = HttpResponse(made.rendition, content_type=made.media_type)
        safe(response, name=f"preview{ending(made.media_type)}")
        # Kinds and counts only; a title may hold characters that a header may not.
        response["X-Vitrine-Redactions"] = json.dumps(made.redactions)
        response["X-Vitrine-Modality"] = made.modality
        return response

    @staticmethod
    def _digest(file: Any) -> str:
        return file.sha256.hex() if isinstance(file, EncryptedUpload) else ""

    def _refuse_strangers(self, request: HttpRequest) -> None:
        """Before the first byte of a file is read.

        With a session, the CSRF check reads it, so ask Django's user.
        """
        session_user = (
            None if "Authorization" in request.headers else getattr(request, "user", None)
        )
        user = session_user if isinstance(session_user, User) else self.request.user
        if isinstance(user, User):
            access.require(
                user=user,
                collection_id=self.kwargs["collection_id"],
                permission=Permission.CONTRIBUTE,
            )


class AssetsView(ScopedView):
    """Assets that the caller may know of."""

    @extend_schema(
        operation_id="assets_list",
        tags=["assets"],
        parameters=[s.AssetsQuery],
        responses=s.AssetOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Assets, newest first.

        Readers see the searchable ones and their own uploads; curators and stewards all.
        """
        user = self.caller()
        filters = selectors.AssetFilters(**self.query(s.AssetsQuery))
        return self.page(
            selectors.asset_rows(user=user, filters=filters),
            s.AssetOutput,
            each=lambda rows: selectors.asset_views(user=user, rows=rows),
        )


class AssetView(UnheldView):
    """One asset."""

    @extend_schema(operation_id="assets_get", tags=["assets"], responses=s.AssetOutput)
    def get(self, request: Request, asset_id: UUID) -> Response:
        """One asset with its state, its reason, and every step it went through."""
        return Response(
            s.AssetOutput(selectors.asset_get(user=self.caller(), asset_id=asset_id)).data
        )

    @extend_schema(
        operation_id="assets_delete",
        tags=["assets"],
        responses={204: OpenApiResponse(description="Destroyed.")},
    )
    def delete(self, request: Request, asset_id: UUID) -> Response:
        """Destroy an asset: original, rendition, segments and vectors; curators."""
        # What the caller may not see is not there, whatever they would do with it.
        selectors.asset_get(user=self.caller(), asset_id=asset_id)
        asset_delete(user=self.caller(), asset_id=asset_id)
        return Response(status=204)


class ContentView(UnheldView):
    """The redacted rendition."""

    @extend_schema(
        operation_id="assets_content",
        tags=["assets"],
        parameters=[s.ContentQuery, _RANGE],
        responses=_BYTES,
    )
    def get(self, request: Request, asset_id: UUID) -> HttpResponseBase:
        """The redacted rendition, whole or a range of it. Recorded."""
        download = self.query(s.ContentQuery)["download"]
        found = content.rendition_open(
            user=self.caller(),
            asset_id=asset_id,
            continued=begins_later(request),
            download=download,
        )
        return content_response(request, found, asset_id=asset_id, attachment=download)


class ThumbnailView(UnheldView):
    """The small picture."""

    @extend_schema(operation_id="assets_thumbnail", tags=["assets"], responses=_BYTES)
    def get(self, request: Request, asset_id: UUID) -> HttpResponseBase:
        """A small picture of the redacted rendition: the image, the waveform, the first lines."""
        found = content.thumbnail_open(user=self.caller(), asset_id=asset_id)
        return content_response(request, found, asset_id=asset_id)


class RawView(UnheldView):
    """The original."""

    @extend_schema(
        operation_id="assets_raw",
        tags=["assets"],
        parameters=[
            OpenApiParameter("reason", str, required=True, description="Why; recorded."),
            _RANGE,
        ],
        responses=_BYTES,
    )
    def get(self, request: Request, asset_id: UUID) -> HttpResponseBase:
        """The unredacted original, for holders of a `raw` grant who say why.

        Recorded; always a download.
        """
        reason = self.query(s.RawQuery)["reason"]
        found = content.raw_open(user=self.caller(), asset_id=asset_id, reason=reason)
        return content_response(request, found, asset_id=asset_id, attachment=True)
