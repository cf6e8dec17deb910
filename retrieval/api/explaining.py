"""Why a search found what it found, and why not something else."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval.api import explaining_serializers as s
from retrieval.api.base import UnheldView
from retrieval.api.search_serializers import ExplanationOutput
from retrieval.api.streaming import safe
from retrieval.selectors.searches import search_explain
from retrieval.services.saliency import saliency_draw
from retrieval.services.why_not import why_not

_GONE = OpenApiResponse(description="The query is no longer kept.")
_OTHERS = OpenApiResponse(description="It is somebody else's query.")


class SearchRecordView(UnheldView):
    """The record of one search."""

    @extend_schema(operation_id="searches_get", tags=["search"], responses=ExplanationOutput)
    def get(self, request: Request, search_id: UUID) -> Response:
        """Why the hits came up, for whoever searched or a governor.

        Grants, purposes and states are checked anew.
        """
        return Response(search_explain(user=self.caller(), search_id=search_id).as_json())


class SaliencyView(UnheldView):
    """Which part of a hit carried the match."""

    @extend_schema(
        operation_id="searches_saliency",
        tags=["search"],
        responses={
            (200, "image/png"): OpenApiTypes.BINARY,
            403: _OTHERS,
            410: OpenApiResponse(description="The query, or the model that found it, is gone."),
            422: OpenApiResponse(description="Nothing can be drawn on data of this kind."),
            503: OpenApiResponse(description="What draws the map does not answer right now."),
        },
    )
    def get(self, request: Request, search_id: UUID, rank: int) -> HttpResponse:
        """The redacted rendition with heat over what carried the match.

        Patches of a picture; moments and pitches of a sound, on its spectrogram; the words of a
        text. For whoever searched. Opening a picture or sound is recorded.
        """
        found = saliency_draw(user=self.caller(), search_id=search_id, rank=rank)
        response = HttpResponse(found.png, content_type="image/png")
        safe(response, name=f"{search_id}-{rank}.png")
        return response


class WhyNotView(UnheldView):
    """Why an asset is not among the hits."""

    @extend_schema(
        operation_id="searches_why_not",
        tags=["search"],
        parameters=[s.WhyNotQuery],
        responses={200: s.WhyNotOutput, 403: _OTHERS, 410: _GONE},
    )
    def get(self, request: Request, search_id: UUID) -> Response:
        """For an asset that the caller may read: which stage, filter or threshold left it out."""
        asset_id = self.query(s.WhyNotQuery)["asset"]
        found = why_not(user=self.caller(), search_id=search_id, asset_id=asset_id)
        return Response(found.as_json())
