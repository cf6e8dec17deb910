"""The API's description, to fetch and to read."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny


class SchemaView(SpectacularAPIView):
    """OpenAPI 3 as YAML, or as JSON by ``?format=json`` or ``Accept``.

    It names no data, so it is open to all.
    """

    permission_classes = [AllowAny]
    content_negotiation_class = DefaultContentNegotiation


class DocsView(SpectacularSwaggerSplitView):
    """The description to read and try.

    Its script comes from an address of its own, never inline.
    """

    permission_classes = [AllowAny]
    url_name = "schema"
