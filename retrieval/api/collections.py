"""Collections and the grants in them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors as people
from audit.chaining import chain_pending
from retrieval.api import serializers as s
from retrieval.api.base import ScopedView, UnheldView
from retrieval.api.subject_serializers import ConsequencesOutput, DryRunQuery, consequences
from retrieval.api.subjects import DRY_RUN
from retrieval.errors import Invalid, NotVisible
from retrieval.selectors import collections as selectors
from retrieval.selectors.traces import KINDS, reading, trace_rows, traces_of, traces_shown
from retrieval.services import collections as services

_GONE = {204: OpenApiResponse(description="No longer there.")}


class MeView(ScopedView):
    """The caller."""

    open_before_password_change = True

    @extend_schema(operation_id="me", tags=["auth"], responses=s.MeOutput)
    def get(self, request: Request) -> Response:
        """Who is asking, their teams and organisation roles, and the collections they may read."""
        user = self.caller()
        me = {
            "user": user,
            "teams": list(user.teams.order_by("slug")),
            "collections": selectors.readable_collections(user=user),
        }
        return Response(s.MeOutput(me).data)


class TracesView(ScopedView):
    """What is logged about the caller."""

    @extend_schema(operation_id="me_traces", tags=["auth"], responses=s.TracesOutput)
    def get(self, request: Request) -> Response:
        """What the caller did that is recorded, and until when their queries are kept."""
        return Response(s.TracesOutput(traces_of(user=self.caller())).data)


class TracesOfView(UnheldView):
    """All of one kind."""

    @extend_schema(
        operation_id="me_traces_of", tags=["auth"], responses=s.TraceRowOutput(many=True)
    )
    def get(self, request: Request, what: str) -> Response:
        """What is logged about the caller, newest first, all of it.

        `searches`, `uploads`, `views`, `feedback`, `disclosures` (who asked to read the caller's
        queries, and why), `flags`, or all `entries` of the ledger.
        """
        if what not in KINDS:
            raise NotVisible("There is no such list.")
        user = self.caller()
        chain_pending()
        with reading(user=user, what=what):
            return self.page(
                trace_rows(user=user, what=what),
                s.TraceRowOutput,
                each=lambda rows: list(traces_shown(user=user, what=what, rows=rows)),
            )


class CollectionsView(ScopedView):
    """All collections in which the caller holds a role."""

    idempotent = True

    @extend_schema(
        operation_id="collections_list",
        tags=["collections"],
        responses=s.CollectionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """The caller's collections by name, with the role in each."""
        user = self.caller()
        return self.page(
            selectors.visible_collections(user=user),
            s.CollectionOutput,
            each=lambda found: selectors.held(user=user, collections=found),
        )

    @extend_schema(
        operation_id="collections_create",
        tags=["collections"],
        request=s.CollectionInput,
        responses={201: s.CollectionOutput},
    )
    def post(self, request: Request) -> Response:
        """A new collection, of which the caller becomes steward and curator."""
        made = services.collection_create(by=self.caller(), **self.parsed(s.CollectionInput))
        return Response(_one(self.caller(), made.pk), status=201)


class CollectionView(ScopedView):
    """One collection."""

    @extend_schema(
        operation_id="collections_get", tags=["collections"], responses=s.CollectionOutput
    )
    def get(self, request: Request, collection_id: UUID) -> Response:
        """One collection with its rules and the caller's role."""
        return Response(_one(self.caller(), collection_id))

    @extend_schema(
        operation_id="collections_update",
        tags=["collections"],
        request=s.CollectionInput(partial=True),
        parameters=[DRY_RUN],
        responses={
            200: OpenApiResponse(
                PolymorphicProxySerializer(
                    "CollectionOrConsequences",
                    [s.CollectionOutput, ConsequencesOutput],
                    resource_type_field_name=None,
                ),
                description="The collection; with `dry_run`, what new purposes would withhold.",
            )
        },
    )
    def patch(self, request: Request, collection_id: UUID) -> Response:
        """Change name, description or rules; stewards.

        New rules hold for what is uploaded from now on; see `reredact/` for what is stored. New
        purposes hold for everything at once; `dry_run` names what they would withhold.
        """
        selectors.collection_get(user=self.caller(), collection_id=collection_id)
        changes = self.parsed(s.CollectionInput, partial=True)
        if self.query(DryRunQuery)["dry_run"]:
            changed = services.purposes_preview(
                by=self.caller(),
                collection_id=collection_id,
                purposes=changes.get("purposes", {}),
            )
            return Response(ConsequencesOutput(consequences(changed, dry_run=True)).data)
        services.collection_update(by=self.caller(), collection_id=collection_id, **changes)
        return Response(_one(self.caller(), collection_id))

    @extend_schema(operation_id="collections_delete", tags=["collections"], responses=_GONE)
    def delete(self, request: Request, collection_id: UUID) -> Response:
        """Take away an empty collection; stewards."""
        services.collection_delete(by=self.caller(), collection_id=collection_id)
        return Response(status=204)


class GrantsView(ScopedView):
    """Who holds what in a collection."""

    idempotent = True

    @extend_schema(
        operation_id="grants_list", tags=["collections"], responses=s.GrantOutput(many=True)
    )
    def get(self, request: Request, collection_id: UUID) -> Response:
        """All grants in the collection, expired ones included; stewards."""
        grants = selectors.grant_list(user=self.caller(), collection_id=collection_id)
        return self.page(grants, s.GrantOutput)

    @extend_schema(
        operation_id="grants_create",
        tags=["collections"],
        request=s.GrantInput,
        responses={201: s.GrantOutput},
    )
    def post(self, request: Request, collection_id: UUID) -> Response:
        """A role for a user or a team; stewards.

        Sight of originals (`raw`) is never given to oneself.
        """
        selectors.grant_list(user=self.caller(), collection_id=collection_id)
        given = self.parsed(s.GrantInput)
        holder = _holder(given.pop("user", None), given.pop("team", None))
        grant = services.grant_create(
            by=self.caller(), collection_id=collection_id, holder=holder, **given
        )
        return Response(s.GrantOutput(grant).data, status=201)


class GrantView(ScopedView):
    """One grant."""

    @extend_schema(operation_id="grants_delete", tags=["collections"], responses=_GONE)
    def delete(self, request: Request, collection_id: UUID, grant_id: UUID) -> Response:
        """End a grant at once; stewards. The last steward stays."""
        services.grant_delete(by=self.caller(), collection_id=collection_id, grant_id=grant_id)
        return Response(status=204)


def _one(user: Any, collection_id: UUID) -> Any:
    return s.CollectionOutput(selectors.collection_get(user=user, collection_id=collection_id)).data


def _holder(username: str | None, slug: str | None) -> services.Holder:
    user = people.user_find(username=username) if username is not None else None
    team = people.team_find(slug=slug) if slug is not None else None
    for field, asked, found in (("user", username, user), ("team", slug, team)):
        if asked is not None and found is None:
            message = f"There is no such {field}."
            raise Invalid("Some fields are not valid.", fields={field: [message]})
    return services.Holder(user=user, team=team)
