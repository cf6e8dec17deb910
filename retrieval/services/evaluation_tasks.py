"""Declaring what is good enough for a collection, before it is measured. Versions never change."""

from __future__ import annotations

import math
import re
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.evaluation.tasks import FIGURES, FUSED, PAIR_FIGURES, SHARES
from retrieval.evaluation_models import EvaluationTask
from retrieval.models import Collection

MAX_NAME = 64
MAX_REASON = 300
_PAIR = re.compile(rf"(?:[a-z]{{1,16}}-[a-z]{{1,16}}|{FUSED}(?:-[a-z]{{1,16}})?)\Z")
_MOMENT = "It was changed in this moment; look at it again."


def task_declare(
    *,
    by: User,
    collection_id: UUID,
    name: str,
    figure: str,
    bound: float,
    pair: str = "",
    margin: float | None = None,
    reason: str = "",
) -> EvaluationTask:
    """What is good enough from now on: version 1 of a task, or the next one of ``name``; recorded.

    Runs made before say nothing about it. ``pair`` is one of modalities, or ``fused`` for the list
    that a search answers with; empty for figures of none.

    Raises:
        NotVisible, NotAllowed: ``by`` is no steward of the collection.
        Invalid: a name, pair, figure, bound or margin that cannot be meant.
        Conflict: nothing differs from the present version, or somebody changed it just now.
    """
    name, reason = name.strip(), reason.strip()
    _check(name, pair, figure, bound, margin, reason)
    access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)
    with scope.user(by.pk):
        before = _newest(collection_id, name)
        if (
            before is not None
            and before.active
            and _declared(before) == (pair, figure, bound, margin)
        ):
            raise Conflict("Nothing differs from the present version.")
        return _added(
            by,
            EvaluationTask(
                collection_id=collection_id,
                name=name,
                version=1 if before is None else before.version + 1,
                pair=pair,
                figure=figure,
                bound=bound,
                margin=margin,
                reason=reason,
            ),
            "evaluation:task:declare",
        )


def task_withdraw(*, by: User, task_id: UUID, reason: str = "") -> EvaluationTask:
    """The task no longer asked for; how it was declared stays readable. Recorded.

    Raises:
        NotVisible: no such task in a collection that ``by`` holds a role in.
        NotAllowed: ``by`` is no steward of it. Conflict: it is withdrawn or changed already.
    """
    reason = reason.strip()
    if len(reason) > MAX_REASON:
        raise _invalid("reason", f"At most {MAX_REASON} characters.")
    with scope.system():
        row = EvaluationTask.objects.filter(pk=task_id).first()
    if row is None or not access.access_to(user=by, collection_id=row.collection_id).visible:
        raise NotVisible("There is no such task.")
    access.require(user=by, collection_id=row.collection_id, permission=Permission.GOVERN)
    with scope.user(by.pk):
        newest = _newest(row.collection_id, row.name)
        if newest is None or newest.pk != row.pk or not newest.active:
            raise Conflict("This version is not in force any more.")
        gone = EvaluationTask(
            collection_id=row.collection_id,
            name=row.name,
            version=row.version + 1,
            pair=row.pair,
            figure=row.figure,
            bound=row.bound,
            margin=row.margin,
            active=False,
            reason=reason,
        )
        return _added(by, gone, "evaluation:task:withdraw")


def _declared(row: EvaluationTask) -> tuple[str, str, float, float | None]:
    return row.pair, row.figure, row.bound, row.margin


def _newest(collection_id: UUID, name: str) -> EvaluationTask | None:
    rows = EvaluationTask.objects.filter(collection_id=collection_id, name=name)
    return rows.order_by("-version").first()


def _added(by: User, row: EvaluationTask, event: str) -> EvaluationTask:
    row.declared_by = actor_id(by)
    if not Collection.objects.filter(pk=row.collection_id).exists():
        raise NotVisible("There is no such collection.")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_MOMENT) from None
    ledger.record(
        event=event,
        actor=row.declared_by,
        refs={"collection": row.collection_id, "task": row.pk},
        payload={
            "version": row.version,
            "pair": row.pair,
            "figure": row.figure,
            "bound": row.bound,
            "margin": row.margin,
            "reason": row.reason,
        },
    )
    return row


def _check(
    name: str, pair: str, figure: str, bound: float, margin: float | None, reason: str
) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise _invalid("name", f"A name of 1 to {MAX_NAME} characters.")
    if len(reason) > MAX_REASON:
        raise _invalid("reason", f"At most {MAX_REASON} characters.")
    if figure not in FIGURES:
        raise _invalid("figure", f"One of: {', '.join(FIGURES)}.")
    if figure in PAIR_FIGURES and not _PAIR.match(pair):
        raise _invalid("pair", f"A pair of modalities, such as text-image, or {FUSED}.")
    if figure not in PAIR_FIGURES and pair:
        raise _invalid("pair", "This figure is of no pair.")
    for field, value in (("bound", bound), ("margin", margin)):
        if value is None:
            continue
        if not math.isfinite(value) or value < 0 or (figure in SHARES and value > 1):
            raise _invalid(field, "Between 0 and 1." if figure in SHARES else "Not below 0.")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid("The task cannot be declared.", fields={field: [message]})
