"""Evaluating search as users get it, on a running system: the fused list, confidence, abstention.

Every question goes the way of a search (reach, redaction, embedding, candidates, fusion, the last
look), under the rights of a named person, but for its record: an evaluation is one entry in the
ledger, not hundreds of searches. It asks the model server behind all searches and pauses after each
question for as long as the searches beside it ask (``reembed_pace``).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import access, clients, scope
from retrieval.access import Permission
from retrieval.encoders.base import Vectors
from retrieval.errors import Invalid, NotVisible
from retrieval.evaluation.lists import (
    FIRST,
    Listed,
    list_certainty,
    list_failures,
    list_figures,
    list_latency,
)
from retrieval.evaluation.questions import Question
from retrieval.evaluation.served import Progress
from retrieval.evaluation.unanswerable import gibberish
from retrieval.models import Asset, EvaluationRun
from retrieval.purposes import SEARCH
from retrieval.redaction.language import language_of
from retrieval.selectors.labelled import labelled_queries
from retrieval.services.evaluation_cases import cases_store
from retrieval.services.evaluation_data import MOST_QUESTIONS, picked, question_id
from retrieval.services.evaluation_pace import PacedModels
from retrieval.services.reembed_pace import SearchPace
from retrieval.services.search.checks import checked
from retrieval.services.search.finding import hits_find
from retrieval.services.search.query import query_encode
from retrieval.services.search.reach import reach_of
from retrieval.services.search.types import SearchRequest
from retrieval.states import State

EACH = 5  # strings of every kind of gibberish
SEED = 7
_MOST_REFS = 100  # characters of a run's model


def live_evaluate(
    *,
    collection_id: UUID,
    username: str,
    questions: Sequence[Question] | None = None,
    progress: Progress | None = None,
) -> EvaluationRun:
    """Search itself on a collection, by its labelled queries or ``questions``; the kept run.

    Raises:
        NotVisible: no such user or collection, or the user may not know of it.
        NotAllowed: the user may not read it. Invalid: nothing to ask.
        Unavailable: a server does not answer.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotVisible("There is no such user.")
    access.require(user=user, collection_id=collection_id, permission=Permission.READ)
    labels = "labelled" if questions is None else "questions"
    kinds = _kinds(collection_id)
    asked = [
        one
        for one in (labelled_queries(collection_id) if questions is None else questions)
        if one.answers & set(kinds)
    ]
    if not asked:
        raise Invalid("The collection has no labelled queries that a searchable asset answers.")
    asked = picked(asked, MOST_QUESTIONS)
    nonsense = [text for texts in gibberish(EACH, seed=SEED).values() for text in texts]
    answered: list[Listed] = []
    refs: set[str] = set()
    ask = partial(_list, user, collection_id, refs)
    with _unhurried() as pause:
        for number, question in enumerate(asked, 1):
            right = {str(a): kinds[a] for a in question.answers if a in kinds}
            name = question_id(collection_id, question, labels)
            answered.append(pause(partial(ask, question.text, name, right)))
            if progress is not None:
                progress(number, len(asked))
        held = [pause(partial(ask, text, "", {})) for text in nonsense]
    return _stored(user, collection_id, labels, answered, held, refs, targets=len(kinds))


def _kinds(collection_id: UUID) -> dict[UUID, str]:
    with scope.system():
        rows = Asset.objects.filter(collection_id=collection_id, state=State.SEARCHABLE)
        return dict(rows.values_list("id", "modality"))


def _list(
    user: User, collection_id: UUID, refs: set[str], text: str, name: str, right: dict[str, str]
) -> Listed:
    """One search without its record."""
    started = time.monotonic()
    request = SearchRequest(
        text=text,
        collections=[collection_id],
        top_k=FIRST,
        include_uncertain=True,
        purpose=SEARCH,
    )
    asked = checked(request)
    reach = reach_of(user=user, asked=asked)
    query = query_encode(asked=asked, reach=reach, user_id=None)
    with scope.user(user.pk):
        hits = hits_find(user=user, asked=asked, reach=reach, query=query).hits
    refs.update(query.models)
    return Listed(
        id=name,
        words=text,
        right=right,
        found=tuple(str(hit.asset.id) for hit in hits),
        confidence=tuple(hit.confidence for hit in hits),
        match=tuple(hit.verdict == "match" for hit in hits),
        ms=(time.monotonic() - started) * 1000,
    )


class _NoPause:
    """The model server is asked behind all searches; the pause comes after the whole question."""

    def items(self, modality: str, /) -> int | None:
        """As much as there is."""
        return None

    def run(self, modality: str, items: int, call: Callable[[], Vectors], /) -> Vectors:
        """At once."""
        return call()


@contextmanager
def _unhurried() -> Iterator[Callable[[Callable[[], Listed]], Listed]]:
    """Within it searches go behind those of people; what it gives runs one and then pauses."""
    pace = SearchPace(started_at=timezone.now())

    def pause(search: Callable[[], Listed]) -> Listed:
        made: list[Listed] = []

        def call() -> Vectors:
            made.append(search())
            return np.zeros((0, 0), np.float32)

        pace.run("question", 1, call)
        return made[0]

    with clients.override(models=PacedModels(clients.models(), _NoPause(), calm=True)):
        yield pause


def _stored(
    user: User,
    collection_id: UUID,
    labels: str,
    answered: Sequence[Listed],
    held: Sequence[Listed],
    refs: set[str],
    *,
    targets: int,
) -> EvaluationRun:
    failures, records = list_failures(answered, language=language_of)
    dataset = f"collection {labels}, through search"
    models = " + ".join(sorted(refs))
    result: dict[str, Any] = {
        "dataset": dataset,
        "model": models,
        "labels": labels,
        "items": targets,
        "live": True,
        "pairs": list_figures(answered, targets=targets),
        **list_certainty(answered, held),
        "latency_ms": list_latency(answered),
        "failures": {"fused": failures},
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "findings": [],
    }
    with transaction.atomic():
        run = EvaluationRun.objects.create(
            kind=EvaluationRun.Kind.LIVE,
            model=models[:_MOST_REFS],
            dataset=dataset,
            collection_id=collection_id,
            own_data=True,
            result=result,
        )
        cases_store(run, records)
        ledger.record(
            event="search:collection:evaluate",
            actor=actor_id(user),
            refs={"collection": collection_id, "evaluation": run.pk},
            payload={"questions": len(answered), "unanswerable": len(held)},
        )
    return run
