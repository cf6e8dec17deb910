"""Retention: policies changed, what goes next, pauses, and reports. Stewards and governors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers import PolicySerializer
from audit.hold_models import PurgeRun
from retrieval import scope
from retrieval.api import retention_serializers as s
from retrieval.api.base import UnheldView
from retrieval.api.subject_serializers import DryRunQuery
from retrieval.errors import NotVisible
from retrieval.selectors.calendar import calendar_of
from retrieval.services import retention_control as services
from retrieval.services.retention_plan import DueAsset, due_export, policy_preview

_TAGS = ["retention"]
_DRY_RUN = OpenApiParameter("dry_run", bool, description="Only say what falls due at once.")


class PolicyView(UnheldView):
    """One retention policy."""

    @extend_schema(
        operation_id="retention_policies_change",
        tags=_TAGS,
        parameters=[_DRY_RUN],
        request=s.PolicyChange,
        responses=PolymorphicProxySerializer(
            "PolicyOrPreview",
            [PolicySerializer, s.PolicyPreviewOutput],
            resource_type_field_name=None,
        ),
    )
    def patch(self, request: Request, policy_id: UUID) -> Response:
        """Change a policy, for all collections under it; governors. Deadlines follow at once."""
        body = self.parsed(s.PolicyChange)
        rules = [dict(rule) for rule in body["rules"]] if "rules" in body else None
        if self.query(DryRunQuery)["dry_run"]:
            preview = policy_preview(user=self.caller(), policy_id=policy_id, rules=rules)
            return Response(s.PolicyPreviewOutput(preview).data)
        policy = services.policy_change(
            user=self.caller(), policy_id=policy_id, name=body.get("name"), rules=rules
        )
        return Response(PolicySerializer(policy).data)


class _Retention(UnheldView):
    def governed(self, collection: UUID | None) -> list[UUID] | None:
        """The collections to show: those the caller governs, or the one asked for."""
        governed = services.governed_collections(user=self.caller())
        if collection is None:
            return governed
        if governed is not None and collection not in governed:
            raise NotVisible("There is no such collection.")
        return [collection]


class CalendarView(_Retention):
    """What goes next."""

    @extend_schema(
        operation_id="retention_calendar",
        tags=_TAGS,
        parameters=[s.CalendarQuery],
        responses=s.CalendarOutput,
    )
    def get(self, request: Request) -> Response:
        """What falls due by day, collection and kind; what is due already stands apart."""
        asked = self.query(s.CalendarQuery)
        collections = self.governed(asked.get("collection"))
        with scope.system():
            found = calendar_of(now=timezone.now(), days=asked["days"], collections=collections)
        return Response(s.CalendarOutput(found).data)


class DueView(_Retention):
    """What the next purge does."""

    @extend_schema(
        operation_id="retention_due",
        tags=_TAGS,
        parameters=[s.DueQuery],
        responses={(200, "application/jsonl"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """A dry run: every part of every asset that is due now, one JSON object a line, streamed.

        `{"asset", "collection", "part", "deadline", "held", "paused"}`.
        """
        collections = self.governed(self.query(s.DueQuery).get("collection"))
        response = StreamingHttpResponse(
            _lines(due_export(collections=collections)), content_type="application/jsonl"
        )
        response["Content-Disposition"] = 'attachment; filename="due.jsonl"'
        return response


class PausesView(_Retention):
    """Pauses of retention."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="retention_pauses_list", tags=_TAGS, responses=s.PauseOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """Pauses, newest first: of everything, and of the collections the caller governs."""
        with scope.system():
            rows = services.pauses_visible(user=self.caller())
            return self.page(rows.order_by("-placed_at", "id"), s.PauseOutput)

    @extend_schema(
        operation_id="retention_pauses_create",
        tags=_TAGS,
        request=s.PauseInput,
        responses={201: s.PauseOutput},
    )
    def post(self, request: Request) -> Response:
        """Pause retention of a collection, or of everything, until a day. Recorded."""
        body = self.parsed(s.PauseInput)
        pause = services.pause_place(
            user=self.caller(),
            reason=body["reason"],
            until=body["until"],
            collection_id=body.get("collection"),
        )
        return Response(s.PauseOutput(pause).data, status=201)


class PauseEndView(_Retention):
    """Ending a pause."""

    @extend_schema(
        operation_id="retention_pauses_end", tags=_TAGS, request=None, responses=s.PauseOutput
    )
    def post(self, request: Request, pause_id: UUID) -> Response:
        """End a pause before its time."""
        pause = services.pause_end(user=self.caller(), pause_id=pause_id)
        return Response(s.PauseOutput(pause).data)


class RunsView(_Retention):
    """Purges that were."""

    @extend_schema(
        operation_id="retention_runs_list", tags=_TAGS, responses=s.PurgeRunOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """Purges, newest first. Of those that found nothing to do only the last is kept."""
        services.governed_collections(user=self.caller())
        with scope.system():
            return self.page(PurgeRun.objects.order_by("-started_at"), s.PurgeRunOutput)


class RunView(_Retention):
    """One purge."""

    @extend_schema(operation_id="retention_runs_get", tags=_TAGS, responses=s.PurgeReportOutput)
    def get(self, request: Request, run_id: UUID) -> Response:
        """Its report: what went and what was left, by kind and collection."""
        collections = self.governed(None)
        with scope.system():
            run = PurgeRun.objects.filter(id=run_id).first()
            if run is None:
                raise NotVisible("There is no such run.")
            return Response(s.PurgeReportOutput(run, context={"collections": collections}).data)


def _lines(rows: Iterator[DueAsset]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(row, default=str).encode() + b"\n"
