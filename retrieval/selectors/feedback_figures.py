"""What people said of the hits of one collection, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import (
    Avg,
    Case,
    Count,
    IntegerField,
    Max,
    Min,
    Q,
    QuerySet,
    When,
)

from accounts.models import User
from audit.models import SearchRecord
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotAllowed, NotVisible
from retrieval.feedback_models import NOTHING_RIGHT, Feedback
from retrieval.models import Collection


@dataclass(frozen=True)
class PairFigures:
    """How often hits of one pair of modalities were called right; ``said``: mean confidence."""

    query_modality: str
    target_modality: str
    right: int
    wrong: int
    said: float

    @property
    def judged(self) -> int:
        """How many votes."""
        return self.right + self.wrong

    @property
    def share(self) -> float:
        """The share that was right."""
        return self.right / self.judged


@dataclass(frozen=True)
class Band:
    """Hits said to be right with a confidence in [low, high): how often they were."""

    low: float
    high: float
    count: int
    said: float
    right: float


@dataclass(frozen=True)
class FeedbackFigures:
    """What people said of the hits of one collection; ``by_person`` for governors alone.

    ``nothing_right``: searches over this collection, perhaps among others, with nothing right.
    """

    people: int
    pairs: tuple[PairFigures, ...]
    bands: tuple[Band, ...]
    first: datetime | None
    last: datetime | None
    nothing_right: int
    by_person: tuple[tuple[str, int, int], ...] | None  # name, votes, of them right

    @property
    def judged(self) -> int:
        """How many votes."""
        return sum(pair.judged for pair in self.pairs)


def feedback_figures(*, user: User, collection_id: UUID) -> FeedbackFigures:
    """What people said of a collection's hits, for its stewards and for governors.

    Raises:
        NotVisible, NotAllowed: ``user`` is neither.
    """
    may_see_figures(user=user, collection_id=collection_id)
    with scope.system():
        votes = Feedback.objects.filter(collection_id=collection_id, rank__gt=NOTHING_RIGHT)
        whole = votes.aggregate(
            people=Count("user", distinct=True), first=Min("at"), last=Max("at")
        )
        return FeedbackFigures(
            **whole,
            pairs=_pairs(votes),
            bands=_bands(votes),
            nothing_right=_in_vain(collection_id),
            by_person=_people(votes) if user.is_governor else None,
        )


def may_see_figures(*, user: User, collection_id: UUID) -> None:
    """Passes for stewards of the collection and for governors.

    Raises:
        NotVisible: nothing there that the user may know of. NotAllowed: no steward.
    """
    with scope.system():
        there = Collection.objects.filter(id=collection_id).exists()
    held = access.access_to(user=user, collection_id=collection_id)
    if user.is_active and user.is_governor and there:
        return
    if not held.visible:
        raise NotVisible("There is no such collection.")
    if not held.allows(Permission.GOVERN):
        raise NotAllowed("This is for stewards of the collection.")


_RIGHT = Count("pk", filter=Q(relevant=True))


def _pairs(votes: QuerySet[Feedback]) -> tuple[PairFigures, ...]:
    kinds = ("query_modality", "target_modality")
    rows = votes.order_by(*kinds).values(*kinds)
    return tuple(
        PairFigures(row["query_modality"], row["target_modality"], right, row["n"] - right, said)
        for row in rows.annotate(n=Count("pk"), right=_RIGHT, said=Avg("confidence"))
        for right, said in [(row["right"], float(row["said"]))]
    )


_BANDS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 0.9), (0.9, 1.0))


def _bands(votes: QuerySet[Feedback]) -> tuple[Band, ...]:
    which = Case(
        *(When(confidence__lt=high, then=number) for number, (_, high) in enumerate(_BANDS[:-1])),
        default=len(_BANDS) - 1,
        output_field=IntegerField(),
    )
    rows = votes.annotate(band=which).order_by("band").values("band")
    return tuple(
        Band(*_BANDS[row["band"]], row["n"], float(row["said"]), row["right"] / row["n"])
        for row in rows.annotate(n=Count("pk"), said=Avg("confidence"), right=_RIGHT)
    )


def _people(votes: QuerySet[Feedback]) -> tuple[tuple[str, int, int], ...]:
    """Names with how many votes, and of them how many right; whoever voted most comes first."""
    rows = votes.order_by().values("user_id", "user__username")
    found = rows.annotate(n=Count("pk"), right=_RIGHT).order_by("-n", "user__username")
    return tuple((row["user__username"], row["n"], row["right"]) for row in found)


def _in_vain(collection_id: UUID) -> int:
    searched = Q(collections__contains=[collection_id]) | Q(
        collection_set__collections__contains=[collection_id]
    )
    nothing = Feedback.objects.filter(rank=NOTHING_RIGHT).values("search_id")
    return SearchRecord.objects.filter(searched, id__in=nothing).count()
