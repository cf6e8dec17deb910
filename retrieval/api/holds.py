"""Legal holds: placing and releasing them, and what they keep. Stewards and governors; ids only."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.holds import Held
from retrieval import scope
from retrieval.api import hold_serializers as s
from retrieval.api.base import UnheldView
from retrieval.api.subject_serializers import DryRunQuery
from retrieval.services import holds as services

_TAGS = ["holds"]
_DRY_RUN = OpenApiParameter("dry_run", bool, description="Only say what it would keep.")


class HoldsView(UnheldView):
    """Legal holds."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="holds_list",
        tags=_TAGS,
        parameters=[s.HoldsQuery],
        responses=s.HoldOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Holds, newest first: all for governors, those of their collections for stewards."""
        asked = self.query(s.HoldsQuery)
        with scope.system():
            rows = services.holds_visible(user=self.caller())
            if "state" in asked:
                rows = rows.filter(state=asked["state"])
            if "collection" in asked:
                rows = rows.filter(home=asked["collection"])
            return self.page(rows.order_by("-placed_at", "id"), s.HoldOutput)

    @extend_schema(
        operation_id="holds_create",
        tags=_TAGS,
        parameters=[_DRY_RUN],
        request=s.HoldInput,
        responses={
            201: s.HoldOutput,
            200: OpenApiResponse(s.ReachOutput, description="With `dry_run`: what it would keep."),
        },
    )
    def post(self, request: Request) -> Response:
        """Place a hold; in force when this answers. It always wins: over periods and requests.

        It keeps and does not show: what consent withholds stays withheld.
        """
        body = self.parsed(s.HoldInput)
        reason = body.pop("reason")
        on = Held(**body)
        if self.query(DryRunQuery)["dry_run"]:
            return Response(s.ReachOutput(services.hold_reach(user=self.caller(), on=on)).data)
        hold = services.hold_place(user=self.caller(), on=on, reason=reason)
        return Response(s.HoldOutput(hold).data, status=201)


class HoldView(UnheldView):
    """One hold."""

    @extend_schema(operation_id="holds_get", tags=_TAGS, responses=s.HoldOutput)
    def get(self, request: Request, hold_id: UUID) -> Response:
        """What is held, why, and whether it still is."""
        return Response(s.HoldOutput(services.hold_get(user=self.caller(), hold_id=hold_id)).data)


class HeldAssetsView(UnheldView):
    """What a hold keeps."""

    @extend_schema(operation_id="holds_assets", tags=_TAGS, responses=s.HeldAssetOutput(many=True))
    def get(self, request: Request, hold_id: UUID) -> Response:
        """The assets that the hold reaches, now or when it was in force: ids and states."""
        hold = services.hold_get(user=self.caller(), hold_id=hold_id)
        with scope.system():
            return self.page(services.reach_of(hold).order_by("id"), s.HeldAssetOutput)


class ReleaseView(UnheldView):
    """Ending a hold."""

    @extend_schema(
        operation_id="holds_release",
        tags=_TAGS,
        request=s.ReleaseInput,
        responses={
            200: s.HoldOutput,
            403: OpenApiResponse(description="It needs somebody else than who placed it."),
            409: OpenApiResponse(description="It was released before."),
        },
    )
    def post(self, request: Request, hold_id: UUID) -> Response:
        """Release the hold; by somebody else than who placed it. Erasures it stopped go on."""
        hold = services.hold_release(
            user=self.caller(), hold_id=hold_id, reason=self.parsed(s.ReleaseInput)["reason"]
        )
        return Response(s.HoldOutput(hold).data)
