"""What people said of the hits of their searches, each for themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import User
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.selectors.judged import JudgedHit, judged_hits
from retrieval.selectors.labelled import labelled_queries

__all__ = [
    "Judged",
    "JudgedHit",
    "feedback_list",
    "feedback_of",
    "judged_hits",
    "judged_of",
    "labelled_queries",
]


@dataclass(frozen=True)
class Judged:
    """What the caller said of one hit, or with rank 0 that nothing in the answer was right."""

    search_id: UUID
    rank: int
    relevant: bool
    words_shared: bool
    at: datetime


def judged_of(vote: Feedback, *, words_shared: bool) -> Judged:
    """The vote as its giver sees it."""
    return Judged(
        search_id=vote.search_id,
        rank=vote.rank,
        relevant=vote.relevant,
        words_shared=words_shared,
        at=vote.at,
    )


def feedback_of(*, user: User, search_id: UUID) -> dict[int, Judged]:
    """What ``user`` said of the hits of one search, by rank. In ``scope.user``; two queries."""
    votes = list(Feedback.objects.filter(user=user, search_id=search_id))
    shared = _shared(votes)
    return {vote.rank: judged_of(vote, words_shared=vote.pk in shared) for vote in votes}


def feedback_list(*, user: User, limit: int = 50) -> list[Judged]:
    """The latest that ``user`` said of hits, newest first. In ``scope.user``; two queries."""
    votes = list(Feedback.objects.filter(user=user)[:limit])
    shared = _shared(votes)
    return [judged_of(vote, words_shared=vote.pk in shared) for vote in votes]


def _shared(votes: Iterable[Feedback]) -> set[int]:
    found = LabelledQuery.objects.filter(feedback__in=[vote.pk for vote in votes])
    return set(found.values_list("feedback_id", flat=True))
