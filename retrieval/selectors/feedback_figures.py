"""What people said of the hits of one collection, in figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

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
        rows = list(
            Feedback.objects.filter(collection_id=collection_id, rank__gt=NOTHING_RIGHT)
            .order_by("at")
            .values_list(
                *("query_modality", "target_modality", "relevant", "confidence", "at"),
                *("user_id", "user__username"),
            )
        )
        searched = Q(collections__contains=[collection_id]) | Q(
            collection_set__collections__contains=[collection_id]
        )
        in_vain = Feedback.objects.filter(rank=NOTHING_RIGHT).values("search_id")
        nothing_right = SearchRecord.objects.filter(searched, id__in=in_vain).count()
    votes = [(right, float(confidence)) for _, _, right, confidence, *_ in rows]
    kinds = sorted({(query, target) for query, target, *_ in rows})
    pairs = tuple(
        _pair_figures(kind, [v for v, row in zip(votes, rows, strict=True) if row[:2] == kind])
        for kind in kinds
    )
    people = Counter((user_id, name) for *_, user_id, name in rows)
    right = Counter((row[-2], row[-1]) for row in rows if row[2])
    return FeedbackFigures(
        people=len(people),
        pairs=pairs,
        bands=_bands(votes),
        first=rows[0][4] if rows else None,
        last=rows[-1][4] if rows else None,
        nothing_right=nothing_right,
        by_person=tuple((one[1], number, right[one]) for one, number in people.most_common())
        if user.is_governor
        else None,
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


def _pair_figures(kind: tuple[str, str], votes: list[tuple[bool, float]]) -> PairFigures:
    right = sum(1 for relevant, _ in votes if relevant)
    said = sum(confidence for _, confidence in votes) / len(votes)
    return PairFigures(kind[0], kind[1], right, len(votes) - right, said)


_BANDS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 0.9), (0.9, 1.01))


def _bands(votes: list[tuple[bool, float]]) -> tuple[Band, ...]:
    found = []
    for low, high in _BANDS:
        part = [(right, said) for right, said in votes if low <= said < high]
        if part:
            found.append(
                Band(
                    low=low,
                    high=min(high, 1.0),
                    count=len(part),
                    said=sum(said for _, said in part) / len(part),
                    right=sum(right for right, _ in part) / len(part),
                )
            )
    return tuple(found)
