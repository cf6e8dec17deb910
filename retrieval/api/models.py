"""The models that find things: what is installed, promotion and rollback."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval.api import model_serializers as s
from retrieval.api.base import ScopedView, UnheldView
from retrieval.selectors.evaluations import model_views
from retrieval.selectors.models import model_list
from retrieval.selectors.versions import version_by_id
from retrieval.services.promotion import promote, rollback


class ModelsView(ScopedView):
    """The encoder bundles of this appliance."""

    @extend_schema(operation_id="models_list", tags=["models"], responses=s.ModelOutput(many=True))
    def get(self, request: Request) -> Response:
        """Every installed model version, by name and version.

        With its re-embedding and its evaluations.
        """
        user = self.caller()
        return self.page(
            model_list(),
            s.ModelOutput,
            each=lambda versions: model_views(user=user, versions=versions),
        )


class PromoteView(UnheldView):
    """One version into use."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="models_promote",
        tags=["models"],
        request=s.PromoteInput,
        responses=s.PromotionOutput,
    )
    def post(self, request: Request, model_id: UUID) -> Response:
        """Use this version from now on, everywhere or in one collection; operators.

        It needs complete vectors and an evaluation against the model in use. What speaks against
        it is in `errors.findings` of a 409, and is overruled by `force` with a `reason`.
        """
        version = version_by_id(model_id)
        done = promote(ref=version.ref, by=self.caller(), **self.parsed(s.PromoteInput))
        return Response(s.PromotionOutput(done).data)


class RollbackView(UnheldView):
    """One promotion undone."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="models_rollback",
        tags=["models"],
        request=s.RollbackInput,
        responses=s.PromotionOutput,
    )
    def post(self, request: Request, model_id: UUID) -> Response:
        """Undo this version's latest promotion: what it replaced is in use again; operators."""
        version = version_by_id(model_id)
        undone = rollback(ref=version.ref, by=self.caller(), **self.parsed(s.RollbackInput))
        return Response(s.PromotionOutput(undone).data)
