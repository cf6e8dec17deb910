"""Reading what collections declared to be good enough, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from retrieval import access, scope
from retrieval.errors import NotVisible
from retrieval.evaluation.tasks import Task, TaskVerdict, verdict_of
from retrieval.evaluation_models import EvaluationTask
from retrieval.models import EvaluationRun, ModelSetVersion, ModelVersion

_MOST_RUNS = 50  # of a collection, newest first, that are asked for a verdict


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """A declared task, how it stands now, and how it was declared before, newest first."""

    task: EvaluationTask
    verdict: TaskVerdict | None  # None: nothing has been run since it was declared
    run: EvaluationRun | None
    history: list[EvaluationTask]

    @property
    def in_words(self) -> str:
        """What is asked for."""
        return task_of(self.task).in_words


def task_of(row: EvaluationTask) -> Task:
    """The row as ``evaluation.tasks`` takes it."""
    return Task(
        id=str(row.pk),
        name=row.name,
        version=row.version,
        pair=row.pair,
        figure=row.figure,
        bound=row.bound,
        margin=row.margin,
        declared_at=row.declared_at,
    )


def newest(rows: Iterable[EvaluationTask]) -> list[EvaluationTask]:
    """The newest version of each task of each collection that was not withdrawn, by name."""
    found: dict[tuple[UUID, str], EvaluationTask] = {}
    for row in sorted(rows, key=lambda row: (row.name, -row.version)):
        found.setdefault((row.collection_id, row.name), row)
    return [row for row in found.values() if row.active]


def task_views(*, user: User, collection_id: UUID) -> list[TaskView]:
    """The declared tasks of a collection, for whoever holds a role there. Two queries.

    Raises:
        NotVisible: ``user`` holds none.
    """
    visible_to(user, collection_id)
    with scope.system():
        rows = list(EvaluationTask.objects.filter(collection_id=collection_id))
    runs = list(_runs(collection_id)[:_MOST_RUNS])
    views = []
    for row in newest(rows):
        verdict, run = _standing(task_of(row), runs)
        history = [one for one in rows if one.name == row.name and one.version < row.version]
        views.append(TaskView(task=row, verdict=verdict, run=run, history=history))
    return views


def visible_to(user: User, collection_id: UUID) -> access.Access:
    """The user's access to a collection.

    Raises:
        NotVisible: there is none.
    """
    held = access.access_to(user=user, collection_id=collection_id)
    if not held.visible:
        raise NotVisible("There is no such collection.")
    return held


def verdicts_of(run: EvaluationRun) -> list[TaskVerdict]:
    """What a run says of the tasks that its collection declares now. One query.

    On nobody's behalf: whoever reads it may know of the run.
    """
    if run.collection_id is None or run.kind == EvaluationRun.Kind.LEAKAGE:
        return []
    with scope.system():
        rows = list(EvaluationTask.objects.filter(collection_id=run.collection_id))
    return [verdict_of(task_of(row), run.result, ran_at=run.created_at) for row in newest(rows)]


def gate_verdicts(*, version: ModelVersion, collection: UUID | None) -> list[TaskVerdict]:
    """How ``version`` stands with the tasks of ``collection``, or of all that it would serve.

    Collections that have a version of their own in its space are not served by it. By its own runs
    alone; figures that only search itself has (``fused``) wait until it is in use. A few queries.
    """
    with scope.system():
        rows = EvaluationTask.objects.exclude(pair__startswith="fused")
        if collection is not None:
            rows = rows.filter(collection_id=collection)
        else:
            own = ModelSetVersion.objects.filter(space_id=version.space_id)
            rows = rows.exclude(collection__model_set__in=own.values("model_set"))
        tasks = newest(rows)
    verdicts = []
    by_collection: dict[UUID, list[EvaluationRun]] = {}
    for row in tasks:
        if row.pair and not set(row.pair.split("-")) <= set(version.modalities):
            continue  # another model's to fulfil
        if row.collection_id not in by_collection:
            runs = _runs(row.collection_id).filter(
                kind=EvaluationRun.Kind.MODEL,
                model=version.ref,
                manifest_sha256=version.manifest_sha256,
            )
            by_collection[row.collection_id] = list(runs[:_MOST_RUNS])
        task = task_of(row)
        verdict, _ = _standing(task, by_collection[row.collection_id])
        verdicts.append(verdict or _never(task))
    return verdicts


def _runs(collection_id: UUID) -> QuerySet[EvaluationRun]:
    rows = EvaluationRun.objects.filter(collection_id=collection_id)
    return rows.exclude(kind=EvaluationRun.Kind.LEAKAGE).order_by("-created_at")


def _standing(
    task: Task, runs: Iterable[EvaluationRun]
) -> tuple[TaskVerdict | None, EvaluationRun | None]:
    """What the newest run that measures it says; else why the newest of all does not."""
    first: tuple[TaskVerdict | None, EvaluationRun | None] = (None, None)
    for run in runs:
        verdict = verdict_of(task, run.result, ran_at=run.created_at)
        if verdict.verdict != "not_measured":
            return verdict, run
        if first[0] is None:
            first = (verdict, run)
    return first


def _never(task: Task) -> TaskVerdict:
    verdict = verdict_of(task, {}, ran_at=task.declared_at)
    return replace(verdict, detail="Not measured since it was declared.")
