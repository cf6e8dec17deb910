"""Records of consent and of other grounds. Governors."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit import consents as audit_consents
from retrieval import access, scope
from retrieval.api import subject_serializers as s
from retrieval.api.base import UnheldView
from retrieval.api.subjects import DRY_RUN
from retrieval.selectors import subjects as selectors
from retrieval.services import consents as services


class ConsentsView(UnheldView):
    """What people have permitted."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="consents_list",
        tags=["consents"],
        parameters=[s.ConsentsQuery],
        responses=s.ConsentOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Records, newest first, every version; governors."""
        rows = selectors.consent_rows(user=self.caller(), **self.query(s.ConsentsQuery))
        with scope.system():
            return self.page(rows, s.ConsentOutput)

    @extend_schema(
        operation_id="consents_create",
        tags=["consents"],
        request=s.ConsentInput,
        parameters=[DRY_RUN],
        responses={
            201: s.ConsentCreated,
            200: OpenApiResponse(s.ConsequencesOutput, description="With `dry_run`."),
        },
    )
    def post(self, request: Request) -> Response:
        """Record a consent or another ground; names what comes back or disappears. Governors."""
        given: dict[str, Any] = self.parsed(s.ConsentInput)
        dry_run = self.query(s.DryRunQuery)["dry_run"]
        outcome = services.consent_record(
            by=self.caller(),
            subject_id=given.pop("subject"),
            supersedes=given.pop("supersedes", None),
            terms=s.terms_of(given),
            dry_run=dry_run,
        )
        follows = s.consequences(outcome.changed, dry_run=dry_run)
        if dry_run or outcome.record is None:
            return Response(s.ConsequencesOutput(follows).data)
        body = dict(s.ConsentOutput(outcome.record).data)
        body["consequences"] = s.ConsequencesOutput(follows).data
        return Response(body, status=201)


class ConsentView(UnheldView):
    """One version of one record."""

    @extend_schema(operation_id="consents_get", tags=["consents"], responses=s.ConsentOutput)
    def get(self, request: Request, consent_id: UUID) -> Response:
        """The record; governors."""
        access.require_governor(user=self.caller())
        with scope.system():
            record = audit_consents.consent_get(consent_id)
        return Response(s.ConsentOutput(record).data)


class WithdrawView(UnheldView):
    """A withdrawal."""

    @extend_schema(
        operation_id="consents_withdraw",
        tags=["consents"],
        request=s.WithdrawInput,
        parameters=[DRY_RUN],
        responses=s.ConsentChanged,
    )
    def post(self, request: Request, consent_id: UUID) -> Response:
        """Withdraw a consent in its newest version; names what disappears. Governors.

        What disappears is out of search before this answers.
        """
        dry_run = self.query(s.DryRunQuery)["dry_run"]
        outcome = services.consent_end(
            by=self.caller(),
            consent_id=consent_id,
            dry_run=dry_run,
            **self.parsed(s.WithdrawInput),
        )
        if dry_run:  # as it is now: what was tried is undone
            with scope.system():
                outcome.record = audit_consents.consent_get(consent_id)
        body = s.consequences(outcome.changed, dry_run=dry_run) | {"consent": outcome.record}
        return Response(s.ConsentChanged(body).data)
