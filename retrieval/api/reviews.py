"""The review queue: what redaction was not sure of, and what stewards decide about it."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval.api import review_serializers as s
from retrieval.api.asset_serializers import RawQuery
from retrieval.api.base import ScopedView, UnheldView
from retrieval.api.streaming import begins_later, content_response
from retrieval.selectors import reviews as selectors
from retrieval.selectors.reviews import Decision
from retrieval.services import review_content
from retrieval.services.reviews import review_decide

_RANGE = OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One range of bytes.")
_BYTES = {
    (200, "*/*"): OpenApiTypes.BINARY,
    (206, "*/*"): OpenApiTypes.BINARY,
    409: OpenApiResponse(description="It is decided, or what is in doubt cannot be covered."),
    410: OpenApiResponse(description="There is no redacted version."),
    416: OpenApiResponse(description="The range begins beyond the end."),
}


class ReviewsView(ScopedView):
    """Reviews of the collections that the caller stewards."""

    @extend_schema(
        operation_id="reviews_list",
        tags=["reviews"],
        parameters=[s.ReviewsQuery],
        responses=s.ReviewOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Quarantined assets and findings of low confidence; what waits longest comes first."""
        user = self.caller()
        filters = selectors.ReviewFilters(**self.query(s.ReviewsQuery))
        return self.page(
            selectors.review_rows(user=user, filters=filters),
            s.ReviewOutput,
            each=lambda rows: selectors.review_views(user=user, rows=rows),
        )


class ReviewView(UnheldView):
    """One review."""

    idempotent: ClassVar[bool] = True

    @extend_schema(operation_id="reviews_get", tags=["reviews"], responses=s.ReviewDetailOutput)
    def get(self, request: Request, review_id: UUID) -> Response:
        """One review with its findings: kinds and places, never what is there."""
        return self._shown(review_id)

    @extend_schema(
        operation_id="reviews_decide",
        tags=["reviews"],
        request=s.DecisionInput,
        responses={
            200: s.ReviewDetailOutput,
            409: OpenApiResponse(description="Settled already, or not possible: it says why."),
        },
    )
    def post(self, request: Request, review_id: UUID) -> Response:
        """Decide it.

        `accept`: what is in doubt is a false alarm, and the asset goes on. `redact`: `regions` are
        taken out of the stored rendition as well, which is then looked at and embedded anew.
        `reject`: the asset is not used. `retry`: run it again from the original.
        """
        # What the caller may not see is not there, whatever they send.
        selectors.review_get(user=self.caller(), review_id=review_id)
        given = self.parsed(s.DecisionInput)
        decision = Decision(given.pop("decision"))
        review_decide(user=self.caller(), review_id=review_id, decision=decision, **given)
        return self._shown(review_id)

    def _shown(self, review_id: UUID) -> Response:
        view = selectors.review_get(user=self.caller(), review_id=review_id)
        return Response(s.ReviewDetailOutput(view).data)


class PreviewView(UnheldView):
    """The covered preview."""

    @extend_schema(
        operation_id="reviews_preview", tags=["reviews"], parameters=[_RANGE], responses=_BYTES
    )
    def get(self, request: Request, review_id: UUID) -> HttpResponseBase:
        """The redacted rendition with what is in doubt covered; stewards. Recorded."""
        found = review_content.preview_open(
            user=self.caller(), review_id=review_id, continued=begins_later(request)
        )
        return content_response(request, found, asset_id=review_id)


class PreviewThumbnailView(UnheldView):
    """A small picture of the covered preview."""

    @extend_schema(operation_id="reviews_thumbnail", tags=["reviews"], responses=_BYTES)
    def get(self, request: Request, review_id: UUID) -> HttpResponseBase:
        """A small picture of the preview: the image, the waveform, the first lines. Recorded."""
        found = review_content.preview_thumbnail_open(user=self.caller(), review_id=review_id)
        return content_response(request, found, asset_id=review_id)


class UncoveredView(UnheldView):
    """The rendition as redaction left it."""

    @extend_schema(
        operation_id="reviews_uncovered",
        tags=["reviews"],
        parameters=[
            OpenApiParameter("reason", str, required=True, description="Why; recorded."),
            _RANGE,
        ],
        responses=_BYTES,
    )
    def get(self, request: Request, review_id: UUID) -> HttpResponseBase:
        """What redaction missed, not covered: for holders of a `raw` grant who say why.

        Recorded, as looking at an original is.
        """
        found = review_content.uncovered_open(
            user=self.caller(),
            review_id=review_id,
            reason=self.query(RawQuery)["reason"],
            continued=begins_later(request),
        )
        return content_response(request, found, asset_id=review_id)
