"""Votes on hits, and the labelled queries of a collection."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.parsers import JSONParser
from retrieval.api import feedback_serializers as s
from retrieval.api.base import ScopedView, UnheldView
from retrieval.evaluation.questions import Question
from retrieval.selectors.labelled import labelled_list, may_label
from retrieval.services.feedback import feedback_give, own_search
from retrieval.services.labelled import labelled_add, labelled_delete, labelled_import


class FeedbackView(ScopedView):
    """What the caller says of the hits of a search of theirs."""

    @extend_schema(
        operation_id="searches_feedback",
        tags=["search"],
        request=s.FeedbackInput,
        responses={
            200: s.FeedbackOutput,
            429: OpenApiResponse(description="More than a person judges in a minute."),
        },
    )
    def post(self, request: Request, search_id: UUID) -> Response:
        """Say that a hit was right or not; say it again to change one's mind.

        Only of one's own searches and of hits that one may still see. It changes no answer: what
        is learnt from it goes live when a steward promotes it.
        """
        own_search(user=self.caller(), search_id=search_id)
        given = self.parsed(s.FeedbackInput)
        return _said(
            search_id,
            given["rank"],
            feedback_give(user=self.caller(), search_id=search_id, **given),
        )

    @extend_schema(
        operation_id="searches_feedback_withdraw",
        tags=["search"],
        parameters=[s.RankQuery],
        responses={204: OpenApiResponse(description="Taken back, or never said.")},
    )
    def delete(self, request: Request, search_id: UUID) -> Response:
        """Take back what was said of a hit."""
        own_search(user=self.caller(), search_id=search_id)
        rank = self.query(s.RankQuery)["rank"]
        feedback_give(user=self.caller(), search_id=search_id, rank=rank, relevant=None)
        return Response(status=204)


def _said(search_id: UUID, rank: int, found: object) -> Response:
    nothing = {
        "search_id": search_id,
        "rank": rank,
        "relevant": None,
        "words_shared": False,
        "at": None,
    }
    return Response(s.FeedbackOutput(nothing if found is None else found).data)


class LabelledQueriesView(UnheldView):
    """What is known to be asked of a collection, and what answers it."""

    parser_classes = [JSONParser, MultiPartParser]

    @extend_schema(
        operation_id="labelled_queries_list",
        tags=["evaluation"],
        responses=s.LabelledOutput(many=True),
    )
    def get(self, request: Request, collection_id: UUID) -> Response:
        """The newest thousand; stewards and curators."""
        found = labelled_list(user=self.caller(), collection_id=collection_id)
        return self.page(found, s.LabelledOutput)

    @extend_schema(
        operation_id="labelled_queries_add",
        tags=["evaluation"],
        request={"application/json": s.LabelledInput, "multipart/form-data": s.LabelledForm},
        responses={201: s.LabelledAdded},
    )
    def post(self, request: Request, collection_id: UUID) -> Response:
        """Write one down, or bring a file of them; stewards and curators.

        The words are redacted first, kept encrypted, and go with the asset.
        """
        by = self.caller()
        may_label(user=by, collection_id=collection_id)
        if (request.content_type or "").startswith("multipart/"):
            file = self.parsed(s.LabelledForm)["file"]
            done = labelled_import(by=by, collection_id=collection_id, file=file.read())
        else:
            given = self.parsed(s.LabelledInput)
            one = Question(given["text"], frozenset({given["asset"]}))
            done = labelled_add(by=by, collection_id=collection_id, questions=[one])
        return Response(s.LabelledAdded(done).data, status=201)


class LabelledQueryView(ScopedView):
    """One of them."""

    @extend_schema(
        operation_id="labelled_queries_delete",
        tags=["evaluation"],
        responses={204: OpenApiResponse(description="No longer there.")},
    )
    def delete(self, request: Request, collection_id: UUID, labelled_id: UUID) -> Response:
        """Take one out; stewards and curators."""
        labelled_delete(by=self.caller(), collection_id=collection_id, labelled_id=labelled_id)
        return Response(status=204)
