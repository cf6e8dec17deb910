"""Checkpoints, proofs, the export, and what an auditor needs to check them elsewhere."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from audit import signing, standalone
from audit.api.checkpoint_serializers import (
    CheckpointSerializer,
    ConsistencyQuery,
    ConsistencySerializer,
    InclusionQuery,
    ProofSerializer,
)
from audit.api.views import GOVERNORS_AND_STEWARDS
from audit.checkpoint_models import Checkpoint
from audit.checkpoints import NotCovered, consistency_of, proof_of
from audit.export import export_lines
from audit.scope import actor_of, scope_of


class GovernsAll(BasePermission):
    """Governors."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the whole audit is there for whoever asks."""
        return scope_of(request.user).everything


# The stubs take the setting's dotted names for its value, which is the classes.
_GOVERNORS: Any = [*api_settings.DEFAULT_PERMISSION_CLASSES, GovernsAll]
_FILE = OpenApiResponse(OpenApiTypes.BINARY)


class CheckpointsView(ListAPIView[Checkpoint]):
    """Signed checkpoints of the ledger, the newest first. They hold numbers and hashes only."""

    permission_classes = GOVERNORS_AND_STEWARDS
    serializer_class = CheckpointSerializer

    def get_queryset(self) -> QuerySet[Checkpoint]:
        """All of them."""
        return Checkpoint.objects.prefetch_related("deliveries").order_by("-tree_size")


class CheckpointView(APIView):
    """One checkpoint."""

    permission_classes = GOVERNORS_AND_STEWARDS

    @extend_schema(operation_id="audit_checkpoint", responses=CheckpointSerializer)
    def get(self, request: Request, size: int) -> Response:
        """The checkpoint of so many entries. ``document`` is what was signed."""
        return Response(CheckpointSerializer(_checkpoint(size)).data)


class InclusionView(APIView):
    """That an entry is in the ledger."""

    permission_classes = _GOVERNORS

    @extend_schema(
        operation_id="audit_checkpoint_inclusion",
        parameters=[InclusionQuery],
        responses=ProofSerializer,
    )
    def get(self, request: Request, size: int) -> Response:
        """The entry, its way to the root, and the checkpoint: `vitrine_verify.py proof` takes it.

        The way is an RFC 6962 audit path, the lowest hash first.
        """
        query = InclusionQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(proof_of(query.validated_data["seq"], in_checkpoint=size))


class EntryProofView(APIView):
    """That an entry is in the ledger, by the first checkpoint that covers it."""

    permission_classes = _GOVERNORS

    @extend_schema(operation_id="audit_entry_proof", responses=ProofSerializer)
    def get(self, request: Request, seq: int) -> Response:
        """404 until a checkpoint covers it, which takes an hour at most."""
        return Response(proof_of(seq))


class ConsistencyView(APIView):
    """That the ledger only ever grew."""

    permission_classes = GOVERNORS_AND_STEWARDS

    @extend_schema(
        operation_id="audit_checkpoint_consistency",
        parameters=[ConsistencyQuery],
        responses=ConsistencySerializer,
    )
    def get(self, request: Request, size: int) -> Response:
        """Both checkpoints, and an RFC 6962 proof that the older is the beginning of this one.

        `vitrine_verify.py consistency OLD NEW` takes it as NEW.
        """
        query = ConsistencyQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(consistency_of(first=query.validated_data["since"], second=size))


class ExportView(APIView):
    """The whole ledger."""

    permission_classes = _GOVERNORS

    @extend_schema(operation_id="audit_export", responses={(200, "application/x-ndjson"): _FILE})
    def get(self, request: Request) -> StreamingHttpResponse:
        """JSON lines, streamed, of any length: a signed head, keys, checkpoints, every entry.

        Who did something is a random id, whose name is not in it; confidential payloads stay
        encrypted. That it was exported is itself recorded. `vitrine_verify.py ledger` takes it.
        """
        lines = export_lines(by=actor_of(request.user))
        answer = StreamingHttpResponse(lines, content_type="application/x-ndjson")
        answer["Content-Disposition"] = 'attachment; filename="ledger.jsonl"'
        return answer


class VerifierView(APIView):
    """The program with which all of this is checked elsewhere."""

    permission_classes = GOVERNORS_AND_STEWARDS

    @extend_schema(operation_id="audit_verifier", responses={(200, "text/x-python"): _FILE})
    def get(self, request: Request) -> HttpResponse:
        """One Python file; better taken from the vendor than from whom it is to check."""
        answer = HttpResponse(standalone.source(), content_type="text/x-python; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{standalone.FILE_NAME}"'
        return answer


class KeyView(APIView):
    """The key with which signatures are checked."""

    permission_classes = GOVERNORS_AND_STEWARDS

    @extend_schema(operation_id="audit_key", responses={(200, "application/x-pem-file"): _FILE})
    def get(self, request: Request) -> HttpResponse:
        """The public key (PEM). Compare its name with one that you got another way."""
        answer = HttpResponse(signing.public_key_pem(), content_type="application/x-pem-file")
        answer["Content-Disposition"] = f'attachment; filename="{signing.current_key_id()}.pem"'
        return answer


def _checkpoint(size: int) -> Checkpoint:
    found = Checkpoint.objects.prefetch_related("deliveries").filter(tree_size=size).first()
    if found is None:
        raise NotCovered(f"There is no checkpoint of {size} entries.")
    return found
