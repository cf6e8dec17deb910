"""Retention policies, with what only this room can add: a repeated POST is done once."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from audit.api import views
from audit.api.serializers import PolicyInput, PolicySerializer


class PoliciesView(ApiView, views.PoliciesView):  # type: ignore[misc] # stubs differ on paging
    """Audit's view of policies, idempotent."""

    idempotent: ClassVar[bool] = True

    @extend_schema(request=PolicyInput, responses={201: PolicySerializer})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new policy. It acts on nothing until a collection names it."""
        return views.PoliciesView.post(self, request)
