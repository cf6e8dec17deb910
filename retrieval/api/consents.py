"""Records of consent and of other grounds. Governors."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from audit import consents as audit_consents
from retrieval import scope
from retrieval.api import subject_serializers as s
from retrieval.api.base import GovernorView
from retrieval.api.subjects import DRY_RUN
from retrieval.selectors import subjects as selectors
from retrieval.services import consents as services
from retrieval.services.consent_import import MOST_BYTES, consents_import


class ConsentsView(GovernorView):
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


class ConsentView(GovernorView):
    """One version of one record."""

    @extend_schema(operation_id="consents_get", tags=["consents"], responses=s.ConsentOutput)
    def get(self, request: Request, consent_id: UUID) -> Response:
        """The record; governors."""
        with scope.system():
            record = audit_consents.consent_get(consent_id)
        return Response(s.ConsentOutput(record).data)


class ReceiptView(GovernorView):
    """What a person is handed."""

    @extend_schema(
        operation_id="consents_receipt", tags=["consents"], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, consent_id: UUID) -> Response:
        """A signed receipt of the record as it stands; that it was issued is recorded. Governors.

        Members as in ISO/IEC TS 27560, terms of the Data Privacy Vocabulary. The stand-alone
        verifier checks it elsewhere.
        """
        return Response(services.consent_receipt(by=self.caller(), consent_id=consent_id))


class ImportView(GovernorView):
    """Many records at once."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="consents_import",
        tags=["consents"],
        request={"multipart/form-data": s.ImportInput},
        parameters=[DRY_RUN],
        responses={
            201: s.ImportOutput,
            200: OpenApiResponse(s.ImportOutput, description="With `dry_run`."),
            422: OpenApiResponse(s.ImportOutput, description="Nothing was imported."),
        },
    )
    def post(self, request: Request) -> Response:
        """Records from a CSV file, all of them or none; governors.

        What is wrong is told by line and column, never what a line says.
        """
        file = self.parsed(s.ImportInput)["file"]
        dry_run = self.query(s.DryRunQuery)["dry_run"]
        made = consents_import(by=self.caller(), data=file.read(MOST_BYTES + 1), dry_run=dry_run)
        body = vars(made) | {"consequences": s.consequences(made.changed, dry_run=dry_run)}
        status = 422 if made.problems else 200 if dry_run else 201
        return Response(s.ImportOutput(body).data, status=status)


class WithdrawView(GovernorView):
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
