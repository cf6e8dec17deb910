"""Erasures: asked for, looked at, approved by another person, and the receipts of them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval import scope
from retrieval.api import erasure_serializers as s
from retrieval.api.base import UnheldView
from retrieval.errors import NotVisible
from retrieval.selectors import erasures as selectors
from retrieval.services import erasures as services

_CONFLICT = OpenApiResponse(description="It is past that, or has changed since: it says which.")


class ErasuresView(UnheldView):
    """Erasures that the caller may know of."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="erasures_list",
        tags=["erasures"],
        parameters=[s.ErasuresQuery],
        responses=s.ErasureOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Newest first. Governors see all, stewards those of assets in their collections."""
        state = self.query(s.ErasuresQuery).get("state")
        with scope.system():
            rows = selectors.erasures_visible(user=self.caller())
            if state:
                rows = rows.filter(state=state)
            return self.page(rows, s.ErasureOutput, each=selectors.erasure_rows)

    @extend_schema(
        operation_id="erasures_create",
        tags=["erasures"],
        request=s.ErasureInput,
        responses={
            202: s.ErasureDetailOutput,
            409: OpenApiResponse(description="It has been erased."),
        },
    )
    def post(self, request: Request) -> Response:
        """Ask for the erasure of a person with all that is linked (governors), or of one asset.

        Asked for again while it is under way, the answer is the same erasure. It waits for a second
        person unless the policy needs none; `plan` shows exactly what will go.
        """
        given = self.parsed(s.ErasureInput)
        made = services.erasure_request(
            by=self.caller(),
            subject_id=given.get("subject"),
            asset_id=given.get("asset"),
            wait=given["wait"],
        )
        return _shown(self, made.id, status=202)


class ErasureView(UnheldView):
    """One erasure."""

    @extend_schema(operation_id="erasures_get", tags=["erasures"], responses=s.ErasureDetailOutput)
    def get(self, request: Request, erasure_id: UUID) -> Response:
        """How far it has come, what it takes with it, what awaits review, and its receipt."""
        return _shown(self, erasure_id)


class ErasureApproveView(UnheldView):
    """The second person's word."""

    @extend_schema(
        operation_id="erasures_approve",
        tags=["erasures"],
        request=s.ApprovalInput,
        responses={202: s.ErasureDetailOutput, 409: _CONFLICT},
    )
    def post(self, request: Request, erasure_id: UUID) -> Response:
        """Let it happen. Whoever asked for it cannot, unless the policy needs one person only."""
        given = self.parsed(s.ApprovalInput)
        services.erasure_approve(by=self.caller(), request_id=erasure_id, **given)
        return _shown(self, erasure_id, status=202)


class ErasureRefuseView(UnheldView):
    """The other answer."""

    @extend_schema(
        operation_id="erasures_refuse",
        tags=["erasures"],
        request=None,
        responses={200: s.ErasureDetailOutput, 409: _CONFLICT},
    )
    def post(self, request: Request, erasure_id: UUID) -> Response:
        """End it; nothing is erased. Its state is `failed`, its reason `refused`."""
        services.erasure_refuse(by=self.caller(), request_id=erasure_id)
        return _shown(self, erasure_id)


class CandidateView(UnheldView):
    """An asset that may be about the person."""

    @extend_schema(
        operation_id="erasures_review",
        tags=["erasures"],
        request=s.CandidateInput,
        responses={200: s.ErasureDetailOutput, 409: _CONFLICT},
    )
    def post(self, request: Request, erasure_id: UUID, candidate_id: UUID) -> Response:
        """Include it in the erasure, or exclude it and say why.

        One that is included after the erasure ran goes too, and another receipt tells of it.
        """
        services.candidate_decide(
            by=self.caller(),
            request_id=erasure_id,
            candidate_id=candidate_id,
            **self.parsed(s.CandidateInput),
        )
        return _shown(self, erasure_id)


class ErasureReceiptView(UnheldView):
    """One receipt as a file."""

    @extend_schema(
        operation_id="erasures_receipt",
        tags=["erasures"],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, erasure_id: UUID, number: int) -> JsonResponse:
        """The document to hand over; `vitrine_verify.py receipt` checks it anywhere."""
        found = selectors.erasure_get(user=self.caller(), request_id=erasure_id)
        for document in found.receipts:
            if document["number"] == number:
                response = JsonResponse(document, json_dumps_params={"indent": 2})
                name = f"erasure-{erasure_id}-{number}.json"
                response["Content-Disposition"] = f'attachment; filename="{name}"'
                return response
        raise NotVisible("There is no such receipt.")


def _shown(view: UnheldView, erasure_id: UUID, *, status: int = 200) -> Response:
    found = selectors.erasure_get(user=view.caller(), request_id=erasure_id)
    return Response(s.ErasureDetailOutput(found).data, status=status)
