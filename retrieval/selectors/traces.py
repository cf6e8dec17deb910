"""What is logged about a person, for that person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max, QuerySet
from django.utils import timezone

from accounts import trail
from accounts.models import User
from audit.models import LedgerEntry, SearchRecord
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.selectors.feedback import Judged, feedback_list


@dataclass(frozen=True)
class Traces:
    """Counts, and until when. ``actor`` is the random id that stands for the person in the ledger.

    Entries of the ledger stay; they stop leading to the person when the actor's key is destroyed.
    ``queries_kept_until`` is when the last of the kept queries is destroyed.
    """

    actor: UUID
    ledger_entries: int
    searches: int
    queries_kept: int
    queries_kept_until: datetime | None
    latest: list[LedgerEntry]
    feedback: int  # votes on hits
    words_shared: int  # of them, those that let stewards see the words
    latest_feedback: list[Judged]


def traces_of(*, user: User, latest: int = 50) -> Traces:
    """What the ledger and the search records hold of ``user``'s own doing.

    In ``scope.user``; nine queries.
    """
    actor = trail.actor_id(user)
    entries: QuerySet[LedgerEntry] = LedgerEntry.objects.filter(actor=actor).order_by("-seq")
    records = SearchRecord.objects.filter(user_id=user.pk)
    votes = Feedback.objects.filter(user=user)
    kept = records.filter(kept_until__gt=timezone.now())
    return Traces(
        actor=actor,
        ledger_entries=entries.count(),
        searches=records.count(),
        queries_kept=kept.count(),
        queries_kept_until=kept.aggregate(last=Max("kept_until"))["last"],
        latest=list(entries[:latest]),
        feedback=votes.count(),
        words_shared=LabelledQuery.objects.filter(feedback__in=votes).count(),
        latest_feedback=feedback_list(user=user, limit=latest),
    )
