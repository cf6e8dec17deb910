"""Running a recorded search again: the same ids in the same order, or what has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from accounts.models import User
from audit import ledger
from audit.models import Influence, SearchRecord
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotVisible
from retrieval.models import Asset, Collection
from retrieval.services.search.again import Again, Change, search_again
from retrieval.services.search.finding import hits_find
from retrieval.services.search.kept import kept_query_of
from retrieval.services.search.types import Hit
from retrieval.states import State
from retrieval.vectors import shard_map

EVENT = "search:query:replay"
# What a hit that is not found again may have become: from the asset's state to a code and why.
_STATES: Mapping[str, tuple[str, str]] = {
    State.WITHHELD: ("withheld", "It is withheld now."),
    State.PURGED: ("purged", "Its rendition's period is over, and it was destroyed."),
    State.ERASED: ("erased", "It was erased."),
}


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One recorded hit. ``asset`` only where the searcher may still see it; otherwise a tombstone.

    ``now`` is its rank this time, if it has one.
    """

    rank: int
    now: int | None
    code: str
    why: str
    asset: UUID | None


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Whether the same ids came in the same order; if not, ``changes`` says what else is known.

    ``hits`` are all recorded ones; ``added`` counts hits of now that were none then.
    """

    search_id: UUID
    same: bool
    ran: bool
    changes: list[Change]
    hits: list[Replayed]
    added: int

    def as_json(self) -> dict[str, Any]:
        """Of JSON types only."""
        found = asdict(self)
        found["search_id"] = str(self.search_id)
        for hit in found["hits"]:
            hit["asset"] = None if hit["asset"] is None else str(hit["asset"])
        return found


def search_replay(*, search_id: UUID, user: User | None = None) -> Replay:
    """The recorded search run again as its searcher would run it now. Recorded in the ledger.

    With the recorded vectors, parameters, model versions and collections, of those that the
    searcher may still search. ``user`` may replay own searches only; None is the operator's
    command, which tells ids and no content.

    Raises:
        NotVisible: no such search, or not of this ``user``.
    """
    record = SearchRecord.objects.filter(id=search_id).first()
    if record is None or (user is not None and record.user_id != user.pk):
        raise NotVisible("There is no such search.")
    searcher = user or _searcher(record.user_id)
    influences = list(record.influences.order_by("rank"))
    with scope.system():
        ledger.record(event=EVENT, actor=record.actor if user else None, refs={"search": record.id})
    kept = kept_query_of(record)
    if searcher is None:
        return _not_run(record, influences, Change("searcher-gone", "Whoever searched has left."))
    if kept is None or not kept.complete:
        change = Change("query-not-kept", "The query is no longer kept.")
        return _not_run(record, influences, change, searcher)
    with scope.user(searcher.pk):
        again = search_again(user=searcher, record=record, kept=kept)
        hits = hits_find(
            user=searcher, asked=again.asked, reach=again.reach, query=again.query
        ).hits
    return _compared(record, influences, hits, again, searcher)


def _searcher(user_id: UUID | None) -> User | None:
    """Whoever searched, if that is still known and the account is in use."""
    return User.objects.filter(pk=user_id, is_active=True).first() if user_id else None


def _not_run(
    record: SearchRecord,
    influences: Sequence[Influence],
    change: Change,
    searcher: User | None = None,
) -> Replay:
    what = _what_became(influences, searcher)
    return Replay(
        search_id=record.id,
        same=False,
        ran=False,
        changes=[change],
        hits=[_tombstone(one, what.get(one.rank), now=None) for one in influences],
        added=0,
    )


def _compared(
    record: SearchRecord,
    influences: Sequence[Influence],
    hits: Sequence[Hit],
    again: Again,
    searcher: User,
) -> Replay:
    then = [one.asset_id for one in influences]
    now = {hit.asset.id: hit.rank for hit in hits}
    same = then == list(now)
    changes = list(again.changes)
    what = _what_became([one for one in influences if one.asset_id not in now], searcher)
    added = [asset for asset in now if asset not in set(then)]
    if not same:
        changes += _moved(record, added, lost=len(what))
    return Replay(
        search_id=record.id,
        same=same,
        ran=True,
        changes=changes,
        hits=[_tombstone(one, what.get(one.rank), now=now.get(one.asset_id)) for one in influences],
        added=len(added),
    )


def _moved(record: SearchRecord, added: Sequence[UUID], *, lost: int) -> list[Change]:
    """What the index itself tells of a difference."""
    changes = []
    with scope.system():
        newer = Asset.objects.filter(id__in=added, state_changed_at__gt=record.at).count()
        moved = record.basis.get("index") not in {None, str(shard_map.current().stamp or "")}
    if newer:
        changes.append(
            Change("segments-added", f"{newer} of the hits became searchable after the search.")
        )
    if lost:
        changes.append(Change("hits-lost", f"{lost} of the recorded hits are not found again."))
    if moved:
        changes.append(
            Change("reindexed", "Collections were moved, or indexed anew, since the search.")
        )
    if not changes:
        changes.append(Change("order-changed", "The same hits come in another order."))
    return changes


def _what_became(
    influences: Sequence[Influence], searcher: User | None
) -> dict[int, tuple[str, str, bool]]:
    """By rank: a code, why, and whether the searcher may still see the asset."""
    ids = [one.asset_id for one in influences]
    with scope.system():
        states = dict(Asset.objects.filter(id__in=ids).values_list("id", "state"))
        living = set(
            Collection.objects.filter(id__in={one.collection_id for one in influences}).values_list(
                "id", flat=True
            )
        )
        readable = (
            set(access.collections_with(user=searcher, permission=Permission.READ))
            if searcher
            else set()
        )
    found = {}
    for one in influences:
        state = states.get(one.asset_id)
        if one.collection_id not in living:
            found[one.rank] = ("collection-gone", "Its collection was deleted.", False)
        elif state is None:
            found[one.rank] = ("erased", "It was erased or deleted.", False)
        elif state in _STATES:
            found[one.rank] = (*_STATES[state], False)
        elif one.collection_id not in readable:
            found[one.rank] = ("not-readable", "The searcher may no longer read it.", False)
        elif state != State.SEARCHABLE:
            found[one.rank] = ("not-searchable", f"It is {state} now.", False)
        else:
            found[one.rank] = ("outranked", "It is searchable, but not among the hits now.", True)
    return found


def _tombstone(
    influence: Influence, became: tuple[str, str, bool] | None, *, now: int | None
) -> Replayed:
    if became is None:
        place = "same" if now == influence.rank else "moved"
        why = "Found again." if now == influence.rank else f"Found again at rank {now}."
        return Replayed(rank=influence.rank, now=now, code=place, why=why, asset=influence.asset_id)
    code, why, visible = became
    return Replayed(
        rank=influence.rank,
        now=None,
        code=code,
        why=why,
        asset=influence.asset_id if visible else None,
    )
