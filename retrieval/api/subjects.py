"""People whom assets are about, and links from assets to them. Governors; ids only."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.subjects import Hold
from retrieval import scope
from retrieval.api import subject_serializers as s
from retrieval.api.base import GovernorView, UnheldView
from retrieval.selectors import subjects as selectors
from retrieval.services import consents as services
from retrieval.services import linking

DRY_RUN = OpenApiParameter("dry_run", bool, description="Only name what would happen.")


class SubjectsView(GovernorView):
    """People, under random ids."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="subjects_list",
        tags=["subjects"],
        parameters=[s.SubjectsQuery],
        responses=s.SubjectOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """People, newest first, without who they are; governors."""
        rows = selectors.subject_rows(user=self.caller(), **self.query(s.SubjectsQuery))
        with scope.system():
            return self.page(rows, s.SubjectOutput, each=selectors.subject_views)

    @extend_schema(
        operation_id="subjects_create",
        tags=["subjects"],
        request=s.SubjectInput,
        responses={
            201: s.SubjectOutput,
            200: OpenApiResponse(s.SubjectOutput, description="The identifier is known already."),
        },
    )
    def post(self, request: Request) -> Response:
        """A person's random id: a new one, or the one of a known identifier; governors."""
        made = services.subject_register(by=self.caller(), **self.parsed(s.SubjectInput))
        with scope.system():
            view = selectors.subject_views([made.subject])[0]
        return Response(s.SubjectOutput(view).data, status=201 if made.new else 200)


class SubjectView(GovernorView):
    """One person."""

    @extend_schema(operation_id="subjects_get", tags=["subjects"], responses=s.SubjectOutput)
    def get(self, request: Request, subject_id: UUID) -> Response:
        """State and counts; governors."""
        with scope.system():
            view = selectors.subject_get(user=self.caller(), subject_id=subject_id)
        return Response(s.SubjectOutput(view).data)


class SubjectAssetsView(GovernorView):
    """What is about one person."""

    @extend_schema(
        operation_id="subjects_assets", tags=["subjects"], responses=s.SubjectAssetOutput(many=True)
    )
    def get(self, request: Request, subject_id: UUID) -> Response:
        """Assets that the person is in, newest first, by ids and states; governors."""
        with scope.system():
            selectors.subject_get(user=self.caller(), subject_id=subject_id)
            rows = selectors.subject_assets(subject_id=subject_id)
            return self.page(rows, s.SubjectAssetOutput)


class IdentifierView(GovernorView):
    """Who a person is."""

    @extend_schema(
        operation_id="subjects_identifier",
        tags=["subjects"],
        request=s.RevealInput,
        responses=s.IdentifierOutput,
    )
    def post(self, request: Request, subject_id: UUID) -> Response:
        """The identifier, once the reason is recorded; governors."""
        found = services.identifier_reveal(
            by=self.caller(), subject_id=subject_id, **self.parsed(s.RevealInput)
        )
        return Response({"identifier": found})


class _HoldView(GovernorView):
    """What a person has asked for; its assets are withheld at once."""

    hold: ClassVar[Hold]

    def _held(self, subject_id: UUID) -> Response:
        dry_run = self.query(s.DryRunQuery)["dry_run"]
        outcome = services.subject_hold(
            by=self.caller(),
            subject_id=subject_id,
            hold=self.hold,
            dry_run=dry_run,
            **self.parsed(s.ReasonInput),
        )
        return subject_changed(outcome)


class RestrictView(_HoldView):
    """Restriction of processing, GDPR Art. 18."""

    hold = "restricted"

    @extend_schema(
        operation_id="subjects_restrict",
        tags=["subjects"],
        request=s.ReasonInput,
        parameters=[DRY_RUN],
        responses=s.SubjectChanged,
    )
    def post(self, request: Request, subject_id: UUID) -> Response:
        """Restrict the processing of what is about a person; names what disappears. Governors."""
        return self._held(subject_id)


class ObjectView(_HoldView):
    """Objection, GDPR Art. 21."""

    hold = "objected"

    @extend_schema(
        operation_id="subjects_object",
        tags=["subjects"],
        request=s.ReasonInput,
        parameters=[DRY_RUN],
        responses=s.SubjectChanged,
    )
    def post(self, request: Request, subject_id: UUID) -> Response:
        """Note a person's objection; names what disappears. Governors."""
        return self._held(subject_id)


class LiftView(GovernorView):
    """The end of a restriction or an objection."""

    @extend_schema(
        operation_id="subjects_lift",
        tags=["subjects"],
        request=s.LiftInput,
        parameters=[DRY_RUN],
        responses=s.SubjectChanged,
    )
    def post(self, request: Request, subject_id: UUID) -> Response:
        """Lift a restriction, an objection, or both; names what comes back. Governors."""
        given = self.parsed(s.LiftInput)
        holds = cast("list[Hold]", given.get("what") or ["restricted", "objected"])
        outcome = services.subject_release(
            by=self.caller(),
            subject_id=subject_id,
            holds=holds,
            reason=given["reason"],
            dry_run=self.query(s.DryRunQuery)["dry_run"],
        )
        return subject_changed(outcome)


def subject_changed(outcome: services.Outcome) -> Response:
    """What was done to a person's state, and what follows."""
    assert outcome.subject is not None  # noqa: S101 - every change of a subject names it
    body: dict[str, Any] = {"id": outcome.subject.id, "state": outcome.subject.state}
    body |= s.consequences(outcome.changed, dry_run=outcome.dry_run)
    return Response(s.SubjectChanged(body).data)


class AssetSubjectsView(UnheldView):
    """Whom an asset is about."""

    @extend_schema(
        operation_id="assets_subjects", tags=["subjects"], responses=s.LinkOutput(many=True)
    )
    def get(self, request: Request, asset_id: UUID) -> Response:
        """The people in it, by ids; governors, and curators and stewards of its collection."""
        rows = selectors.asset_links(user=self.caller(), asset_id=asset_id)
        return self.page(list(rows), s.LinkOutput)

    @extend_schema(
        operation_id="assets_subjects_link",
        tags=["subjects"],
        request=s.LinkInput,
        parameters=[DRY_RUN],
        responses=s.ConsequencesOutput,
    )
    def post(self, request: Request, asset_id: UUID) -> Response:
        """Say who is in it; names what disappears."""
        given = self.parsed(s.LinkInput)
        dry_run = self.query(s.DryRunQuery)["dry_run"]
        changed = linking.subjects_link(
            by=self.caller(),
            asset_id=asset_id,
            subject_ids=given["subjects"],
            consent_id=given.get("consent"),
            dry_run=dry_run,
        )
        return Response(s.ConsequencesOutput(s.consequences(changed, dry_run=dry_run)).data)


class AssetSubjectView(GovernorView):
    """One person in an asset."""

    @extend_schema(
        operation_id="assets_subjects_unlink",
        tags=["subjects"],
        parameters=[DRY_RUN],
        responses=s.ConsequencesOutput,
    )
    def delete(self, request: Request, asset_id: UUID, subject_id: UUID) -> Response:
        """Take back that somebody is in it; names what comes back. Governors."""
        dry_run = self.query(s.DryRunQuery)["dry_run"]
        changed = linking.subject_unlink(
            by=self.caller(), asset_id=asset_id, subject_id=subject_id, dry_run=dry_run
        )
        return Response(s.ConsequencesOutput(s.consequences(changed, dry_run=dry_run)).data)
