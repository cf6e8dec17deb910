"""What was measured, what failed, and what collections declare to be good enough."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retrieval.api import evaluation_serializers as s
from retrieval.api.base import ScopedView, UnheldView
from retrieval.api.model_serializers import EvaluationSummary
from retrieval.selectors.evaluation_cases import case_views
from retrieval.selectors.evaluation_tasks import task_views
from retrieval.selectors.evaluations import evaluation_get, evaluation_rows
from retrieval.services.evaluation_tasks import task_declare, task_withdraw


class EvaluationsView(ScopedView):
    """What models, and search itself, were measured at."""

    @extend_schema(
        operation_id="evaluations_list",
        tags=["evaluations"],
        parameters=[s.EvaluationsQuery],
        responses=EvaluationSummary(many=True),
    )
    def get(self, request: Request) -> Response:
        """Evaluations, newest first; those on collections only for who may know of them."""
        asked: dict[str, Any] = self.query(s.EvaluationsQuery)
        rows = evaluation_rows(user=self.caller()).filter(**asked)
        return self.page(rows, EvaluationSummary)


class EvaluationView(ScopedView):
    """One evaluation."""

    @extend_schema(
        operation_id="evaluations_get", tags=["evaluations"], responses=s.EvaluationOutput
    )
    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """One evaluation with all its figures."""
        run = evaluation_get(user=self.caller(), evaluation_id=evaluation_id)
        return Response(s.EvaluationOutput(run).data)


class CasesView(UnheldView):
    """What failed in one evaluation."""

    @extend_schema(
        operation_id="evaluations_cases",
        tags=["evaluations"],
        parameters=[s.CasesQuery],
        responses=s.CaseOutput(many=True),
    )
    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """Worst queries, hubs, confusions and prompts.

        Of collections: ids for whoever may know of the evaluation, words only for readers. Of data
        sets: for operators and governors.
        """
        user, asked = self.caller(), self.query(s.CasesQuery)
        found = case_views(user=user, evaluation_id=evaluation_id, **asked)
        return self.page(found, s.CaseOutput)


class TasksView(UnheldView):
    """What a collection declares to be good enough."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="collections_tasks",
        tags=["evaluations"],
        responses=s.TaskViewOutput(many=True),
    )
    def get(self, request: Request, collection_id: UUID) -> Response:
        """The tasks in force, whether each is met, and how it was declared before."""
        found = task_views(user=self.caller(), collection_id=collection_id)
        return self.page(found, s.TaskViewOutput)

    @extend_schema(
        operation_id="collections_tasks_declare",
        tags=["evaluations"],
        request=s.TaskInput,
        responses={201: s.TaskOutput},
    )
    def post(self, request: Request, collection_id: UUID) -> Response:
        """Declare a task, or the next version of one; stewards.

        Evaluations made before do not count for it.
        """
        # What the caller may not know of is answered before what is wrong with the request.
        task_views(user=self.caller(), collection_id=collection_id)
        declared = task_declare(
            by=self.caller(), collection_id=collection_id, **self.parsed(s.TaskInput)
        )
        return Response(s.TaskOutput(declared).data, status=201)


class TaskWithdrawView(UnheldView):
    """A task no longer asked for."""

    idempotent: ClassVar[bool] = True

    @extend_schema(
        operation_id="evaluation_tasks_withdraw",
        tags=["evaluations"],
        request=s.TaskWithdrawInput,
        responses=s.TaskOutput,
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        """Withdraw a task; its versions stay readable; stewards."""
        gone = task_withdraw(by=self.caller(), task_id=task_id, **self.parsed(s.TaskWithdrawInput))
        return Response(s.TaskOutput(gone).data)
