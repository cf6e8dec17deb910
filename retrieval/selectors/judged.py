"""Judged hits of a collection as data: what its calibration may be refitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from retrieval import scope
from retrieval.feedback_models import Feedback
from retrieval.selectors.grounds import forbidden
from retrieval.states import State

# No single person makes up more than this of what a calibration is fitted to, where it can be
# helped: of two voters one is half of it. Two fifths needs three.
MOST_OF_ONE_VOTER = 0.4


@dataclass(frozen=True, kw_only=True)
class JudgedHit:
    """One signal of a judged hit, as the search recorded it.

    ``voter`` numbers the people without naming them. ``weight`` is 1, or less where one person
    would otherwise make up more than ``MOST_OF_ONE_VOTER`` of a pair. ``asked`` holds the features
    of the query that the calibration looked at; ``recorded`` is the whole signal.
    """

    model: str | None
    space: str
    query_modality: str
    target_modality: str
    bridge: str | None
    similarity: float
    calibrated: float
    relevant: bool
    voter: int
    weight: float
    asked: Mapping[str, Any]
    recorded: Mapping[str, Any]
    at: datetime


def judged_hits(collection_id: UUID) -> list[JudgedHit]:
    """What a collection's calibration can be refitted to: newest votes first, one a signal.

    One vote a person, query and asset, the latest; of people whose account is in use, on assets
    that are searchable now and in which nobody forbids training.
    """
    with scope.system():
        votes = list(_usable(collection_id))
        refused = forbidden({vote.asset_id for vote in votes if vote.asset_id}, "training")
        votes = [vote for vote in votes if vote.asset_id not in refused]
    voters = {user: number for number, user in enumerate(dict.fromkeys(v.user_id for v in votes))}
    signals = [(vote, dict(signal)) for vote in votes for signal in vote.signals]
    weights = _weights((_pair(signal), vote.user_id) for vote, signal in signals)
    return [
        _judged_hit(vote, signal, voters[vote.user_id], weights[_pair(signal), vote.user_id])
        for vote, signal in signals
    ]


def _usable(collection_id: UUID) -> Iterator[Feedback]:
    rows = Feedback.objects.filter(
        collection_id=collection_id,
        asset__collection_id=collection_id,
        asset__state=State.SEARCHABLE,
        user__is_active=True,
    )
    seen: set[tuple[object, bytes, object]] = set()
    for vote in rows.order_by("-at", "-id").iterator():
        one = (vote.user_id, bytes(vote.asked), vote.asset_id)
        if one not in seen:
            seen.add(one)
            yield vote


_Pair = tuple[str | None, str, str, str]


def _pair(signal: Mapping[str, Any]) -> _Pair:
    return (
        signal.get("model"),
        str(signal["space"]),
        str(signal["query_modality"]),
        str(signal["target_modality"]),
    )


def _weights(votes: Iterable[tuple[_Pair, Any]]) -> dict[tuple[_Pair, Any], float]:
    """What each vote of a person weighs in a pair."""
    counts: dict[_Pair, Counter[Any]] = {}
    for pair, voter in votes:
        counts.setdefault(pair, Counter())[voter] += 1
    return {
        (pair, voter): min(1.0, most_of_one(list(given.values())) / number)
        for pair, given in counts.items()
        for voter, number in given.items()
    }


def most_of_one(counts: list[int], share: float = MOST_OF_ONE_VOTER) -> float:
    """How many votes of one person count, so that nobody has more than ``share`` of those counted.

    The largest c with min(n, c) <= share * sum(min(n, c)) for every person's n votes; infinite
    where there are too few people for that.
    """
    if len(counts) * share < 1:
        return float("inf")
    ordered = sorted(counts, reverse=True)
    for capped in range(len(ordered)):
        room = 1 - share * capped
        if room <= 0:
            break
        cap = share * sum(ordered[capped:]) / room
        if ordered[capped] <= cap:
            return cap if capped else float("inf")
    return float(ordered[-1])


def _judged_hit(vote: Feedback, signal: dict[str, Any], voter: int, weight: float) -> JudgedHit:
    source = signal.get("source") or {}
    return JudgedHit(
        model=signal.get("model"),
        space=signal["space"],
        query_modality=signal["query_modality"],
        target_modality=signal["target_modality"],
        bridge=signal.get("bridge"),
        similarity=float(signal["similarity"]),
        calibrated=float(signal["calibrated"]),
        relevant=vote.relevant,
        voter=voter,
        weight=weight,
        # A query of several parts was judged by several curves; none can be learnt from it.
        asked={} if source.get("others") else source.get("features") or {},
        recorded=signal,
        at=vote.at,
    )
