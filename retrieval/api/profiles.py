"""Redaction profiles, redacting a collection anew, and finding a person's assets."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from retrieval.api import profile_serializers as s
from retrieval.api.base import ScopedView
from retrieval.selectors.profiles import ProfileView, profile_list, profile_versions
from retrieval.services.profiles import profile_change, profile_create
from retrieval.services.reredaction import reredact_cancel, reredact_plan, reredact_start
from retrieval.services.subjects import subject_lookup

_DRY_RUN = OpenApiParameter("dry_run", bool, description="Only say what would happen.")


def _newest(user: User, name: str) -> ProfileView:
    return profile_versions(user=user, name=name)[0]


class ProfilesView(ScopedView):
    """What may be chosen as a collection's redaction profile."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="redaction_profiles_list",
        tags=["redaction"],
        responses=s.ProfileOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Every profile in its newest version, those that ship first; governors and stewards.

        Operators may look as well.
        """
        return self.page(profile_list(user=self.caller()), s.ProfileOutput)

    @extend_schema(
        operation_id="redaction_profiles_create",
        tags=["redaction"],
        request=s.ProfileInput,
        responses={201: s.ProfileOutput},
    )
    def post(self, request: Request) -> Response:
        """A profile of the organisation's own; governors and stewards."""
        made = profile_create(by=self.caller(), **self.parsed(s.ProfileInput))
        return Response(s.ProfileOutput(_newest(self.caller(), made.name)).data, status=201)


class ProfileDetailView(ScopedView):
    """One profile in all its versions."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="redaction_profiles_versions",
        tags=["redaction"],
        responses=s.ProfileOutput(many=True),
    )
    def get(self, request: Request, name: str) -> Response:
        """All versions, the newest first, each with what it changed."""
        return self.page(profile_versions(user=self.caller(), name=name), s.ProfileOutput)

    @extend_schema(
        operation_id="redaction_profiles_change",
        tags=["redaction"],
        request=s.ProfileVersionInput,
        responses={201: s.ProfileOutput},
    )
    def post(self, request: Request, name: str) -> Response:
        """The next version, whole; governors, and stewards of all collections that use it.

        It holds for what is uploaded from now on. See `collections/{id}/reredact/` for the rest.
        """
        profile_change(by=self.caller(), name=name, **self.parsed(s.ProfileVersionInput))
        return Response(s.ProfileOutput(_newest(self.caller(), name)).data, status=201)


class ReredactView(ScopedView):
    """Bringing what a collection holds under its present profile."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="collections_reredact_plan",
        tags=["redaction"],
        responses=s.ReredactOutput,
    )
    def get(self, request: Request, collection_id: UUID) -> Response:
        """What redacting anew would do, and how far a run that goes on is; stewards."""
        return Response(self._plan(collection_id))

    @extend_schema(
        operation_id="collections_reredact",
        tags=["redaction"],
        parameters=[_DRY_RUN],
        request=s.ReredactInput,
        responses={200: s.ReredactOutput, 202: s.ReredactOutput},
    )
    def post(self, request: Request, collection_id: UUID) -> Response:
        """Redact anew, in the background, whatever was redacted by another version; stewards.

        What the present profile takes out and an earlier version left in is withheld at once and
        comes back as it is through. 200 with `dry_run`, which only says what would happen.
        """
        before = reredact_plan(user=self.caller(), collection_id=collection_id)
        if self.query(s.ReredactQuery)["dry_run"]:
            return Response(s.ReredactOutput(before).data)
        reredact_start(
            by=self.caller(), collection_id=collection_id, **self.parsed(s.ReredactInput)
        )
        return Response(self._plan(collection_id), status=202)

    @extend_schema(
        operation_id="collections_reredact_cancel",
        tags=["redaction"],
        responses={204: OpenApiResponse(description="Stopped.")},
    )
    def delete(self, request: Request, collection_id: UUID) -> Response:
        """Stop after the assets in hand; stewards. What is withheld stays so until the next run."""
        reredact_cancel(by=self.caller(), collection_id=collection_id)
        return Response(status=204)

    def _plan(self, collection_id: UUID) -> object:
        plan = reredact_plan(user=self.caller(), collection_id=collection_id)
        return s.ReredactOutput(plan).data


class LookupView(ScopedView):
    """Finding somebody's assets though everything about them was taken out."""

    @extend_schema(
        operation_id="subjects_lookup",
        tags=["subjects"],
        request=s.LookupInput,
        responses=s.LookupOutput,
    )
    def post(self, request: Request) -> Response:
        """Assets from which this identifier was taken out, for review; governors. Recorded.

        The identifier itself is neither kept nor recorded. Only what was recognised is found, and
        only while its period lasts.
        """
        found = subject_lookup(by=self.caller(), **self.parsed(s.LookupInput))
        return Response(s.LookupOutput(found).data)
