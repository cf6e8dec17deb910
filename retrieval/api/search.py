"""Search."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.parsers import JSONParser
from retrieval.api import search_serializers as s
from retrieval.api.base import UnheldView
from retrieval.services.search import SearchFilters, SearchRequest, search_run


class SearchView(UnheldView):
    """Search by describing, showing or playing something."""

    parser_classes = [JSONParser, MultiPartParser]

    @extend_schema(
        operation_id="search",
        tags=["search"],
        request={"application/json": s.SearchInput, "multipart/form-data": s.SearchForm},
        responses={
            200: s.SearchOutput,
            422: OpenApiResponse(description="The file cannot be used as a query."),
        },
    )
    def post(self, request: Request) -> Response:
        """The best segment of each permitted asset that is likely to be meant, and why.

        Recorded.
        """
        is_form = (request.content_type or "").startswith("multipart/")
        given = self.parsed(s.SearchForm if is_form else s.SearchInput)
        file = given.pop("file", None)
        if file is not None:
            given |= {"file": file.read(), "file_name": file.name or ""}
        filters = {
            name: value for name, value in given.pop("filters", {}).items() if value is not None
        }
        asked = SearchRequest(filters=SearchFilters(**filters), **given)
        return Response(search_run(user=self.caller(), request=asked).as_json())
