"""Searches as stewards and governors may know of them, and all of them for a SIEM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from audit.api.search_serializers import ExportQuery, SearchesQuery, SearchSeenOutput
from audit.api.views import GOVERNORS_AND_STEWARDS
from audit.models import SearchRecord
from audit.scope import actor_of, scope_of
from audit.search_audit.export import export_lines, export_noted
from audit.search_audit.listing import search_audit_rows, searches_seen

JSON_LINES = "application/x-ndjson"


class SeesEverything(BasePermission):
    """Governors."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller may read the whole audit."""
        return scope_of(request.user).everything


# The stubs take the setting's dotted names for its value, which is the classes.
_GOVERNORS: Any = [*api_settings.DEFAULT_PERMISSION_CLASSES, SeesEverything]


class SearchesView(ListAPIView[SearchRecord]):
    """Who searched what, newest first, without the query."""

    permission_classes = GOVERNORS_AND_STEWARDS
    serializer_class = SearchSeenOutput

    @extend_schema(operation_id="audit_searches_list", parameters=[SearchesQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Searches: all for governors, for stewards those over their collections.

        Of each a steward is told only what came from there.
        """
        query = SearchesQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        seen = scope_of(request.user)
        rows = self.paginate_queryset(search_audit_rows(scope=seen, filters=query.filters()))
        shown = searches_seen(scope=seen, records=rows or [])
        return self.get_paginated_response(SearchSeenOutput(shown, many=True).data)


class SearchesExportView(APIView):
    """Search records for a SIEM."""

    permission_classes = _GOVERNORS

    @extend_schema(
        operation_id="audit_searches_export",
        parameters=[ExportQuery],
        responses={
            (200, JSON_LINES): OpenApiResponse(
                OpenApiTypes.STR, description="One OCSF event a line, oldest first."
            )
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Every search as one line of JSON (OCSF 1.1.0, Datastore Activity), streamed; governors.

        People are random ids, queries are not in it. Go on with `since` = the last
        `metadata.original_time`, and tell what comes twice by `metadata.uid`. Recorded.
        """
        query = ExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        since = asked.get("since")
        with transaction.atomic():
            until = export_noted(
                by=actor_of(request.user), since=since, until=asked.get("until"), to="rest"
            )
        return exported(export_lines(since=since, until=until, allowed=_still(request)))


def exported(lines: Iterator[bytes]) -> StreamingHttpResponse:
    """Lines on their way to somebody who keeps them: a file, never a page."""
    response = StreamingHttpResponse(lines, content_type=JSON_LINES)
    response["Content-Disposition"] = 'attachment; filename="searches.ocsf.jsonl"'
    response["Cache-Control"] = "private, no-store"
    return response


def _still(request: Request) -> Callable[[], bool]:
    """Whether the caller is a governor at this moment: asked anew for each batch."""
    people = get_user_model().objects
    user_id: Any = request.user.pk

    def allowed() -> bool:
        user = people.filter(pk=user_id).first()
        return user is not None and scope_of(user).everything

    return allowed
