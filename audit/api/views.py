from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from audit import retention, selectors
from audit.api.serializers import (
    EntriesQuery,
    EntrySerializer,
    PolicyInput,
    PolicySerializer,
    VerifyQuery,
    VerifySerializer,
)
from audit.chaining import chain_pending
from audit.models import LedgerEntry, RetentionPolicy
from audit.scope import actor_of, scope_of
from audit.verification import ledger_verify


class GovernsSomething(BasePermission):
    """Governors, and stewards of at least one collection."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether there is anything in the audit for whoever asks."""
        return scope_of(request.user).allowed


# The stubs take the setting's dotted names for its value, which is the classes.
GOVERNORS_AND_STEWARDS: Any = [*api_settings.DEFAULT_PERMISSION_CLASSES, GovernsSomething]


class EntriesView(ListAPIView[LedgerEntry]):
    """The ledger, newest first: all of it for governors, that of their collections for stewards."""

    permission_classes = GOVERNORS_AND_STEWARDS
    serializer_class = EntrySerializer

    @extend_schema(operation_id="audit_entries_list", parameters=[EntriesQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Entries, after whatever happened a moment ago has been chained too."""
        chain_pending()
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """What the caller may see of what was asked for."""
        if getattr(self, "swagger_fake_view", False):  # set while the schema is drawn up
            return LedgerEntry.objects.none()
        query = EntriesQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return selectors.entry_list(scope=scope_of(self.request.user), **query.validated_data)

    def get_serializer_context(self) -> dict[str, Any]:
        """With the caller's scope, by which refs are narrowed."""
        return {**super().get_serializer_context(), "scope": scope_of(self.request.user)}


class VerifyView(APIView):
    """Whether the chain holds."""

    permission_classes = GOVERNORS_AND_STEWARDS

    @extend_schema(
        operation_id="audit_verify", parameters=[VerifyQuery], responses=VerifySerializer
    )
    def get(self, request: Request) -> Response:
        """The first bad entry, or how many hold. Hashes are recomputed from the stored fields."""
        query = VerifyQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = ledger_verify(after_seq=asked["after"], limit=asked["limit"])
        answer = {
            "ok": found.fault is None,
            "first_bad": found.fault.seq if found.fault else None,
            "reason": found.fault.reason if found.fault else "",
            "verified": found.entries,
            "after": found.after_seq,
            "head": found.head_seq,
            "head_hash": found.head_hash.hex(),
            "pending": found.pending,
            "complete": found.complete,
        }
        return Response(VerifySerializer(answer).data)


class PoliciesView(ListAPIView[RetentionPolicy]):
    """Retention policies. A collection names the one it follows."""

    permission_classes = GOVERNORS_AND_STEWARDS
    serializer_class = PolicySerializer

    def get_queryset(self) -> QuerySet[RetentionPolicy]:
        """All of them, by name: they hold rules, nothing of anybody's."""
        return selectors.policy_list()

    @extend_schema(request=PolicyInput, responses={201: PolicySerializer})
    def post(self, request: Request) -> Response:
        """A new policy. It acts on nothing until a collection names it."""
        body = PolicyInput(data=request.data)
        body.is_valid(raise_exception=True)
        rules = [dict(rule) for rule in body.validated_data["rules"]]
        policy = retention.policy_create(
            actor=actor_of(request.user), name=body.validated_data["name"], rules=rules
        )
        return Response(PolicySerializer(policy).data, status=status.HTTP_201_CREATED)
