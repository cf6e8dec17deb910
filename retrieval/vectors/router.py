"""Which rows of which partition are compared, and how: exactly, or through an index. Pure.

Small collections lie together and are compared exactly, found through a b-tree on the collection,
so that no other collection's rows cost anything or change anything. A collection with a ready index
is asked through it. Under a filter few candidates are compared exactly, whatever indexes there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from audit.ids import Ids
from retrieval.vectors.base import VectorRequest
from retrieval.vectors.shards import OwnShard, ShardMap, shard_of

# hnsw.ef_search takes no more. https://github.com/pgvector/pgvector#query-options
MOST_EF = 1000
# Candidates kept for one row wanted. Measured on 400,000 rows: 0.983 of the 40 nearest are found
# with two, 0.993 with three.
_KEPT = 3
# Under a filter an index goes on until so many times the wanted rows have passed: what passes early
# is not always nearest (0.98 of the ten nearest where a tenth passes, without).
_PASSED = 2
_DIVIDED_FROM = 400
# What an index finds by signs alone is compared again by whole vectors: so many for one wanted, and
# so many at least. Of 60,000 rows, 250 hold 0.993 of the ten nearest; of 400,000, 1,000 do (0.993).
_RERANKED, _LEAST_RERANKED = 25, 1000


@dataclass(frozen=True)
class Branch:
    """One ordered scan of one partition, or of a table's shared shard.

    ``route`` is ``exact``, ``hnsw`` or ``binary``. ``shard`` of None: the parent, in all its
    shards. ``assets``: only these, where a filter's candidates are few; None asks for no such list.
    """

    request: int
    modality: str
    route: str
    shard: int | None
    own: bool
    collections: Ids
    limit: int
    assets: tuple[UUID, ...] | None = None

    @property
    def approximate(self) -> bool:
        """Whether an index decides what is found."""
        return self.route != "exact"

    def exactly(self) -> Branch:
        """The same rows, all compared."""
        return replace(self, route="exact")


# The assets that a filter lets through, by collection; None where they are too many to list.
Candidates = Mapping[UUID, Sequence[UUID]] | None


def branches(
    *,
    number: int,
    request: VectorRequest,
    shards: ShardMap,
    shared_shards: int,
    candidates: Candidates,
) -> list[Branch]:
    """Every scan that together answers ``request``, the ``number``-th of a call."""
    collections = Ids.of(request.collections)
    listed = not request.where.empty and candidates is not None
    if listed and candidates is not None:
        collections = Ids.of(one for one in candidates if candidates[one] and one in collections)
    filtered = not request.where.empty
    owned = _owned(shards, collections)
    shared = _by_shard(
        collections.without(set(owned).difference(shards.shared(owned))), shared_shards
    )
    made: list[Branch] = []
    for modality in dict.fromkeys(request.modalities):
        for collection, place in owned.items():
            indexed = place.ready and not listed
            made.append(
                Branch(
                    request=number,
                    modality=modality,
                    route=place.index if indexed else "exact",
                    shard=place.shard,
                    own=True,
                    collections=Ids.of((collection,)),
                    limit=request.top_k * (_PASSED if indexed and filtered else 1),
                    assets=_assets(candidates, (collection,)) if listed else None,
                )
            )
        made += [
            Branch(
                request=number,
                modality=modality,
                route="exact",
                shard=shard,
                own=False,
                collections=part,
                limit=request.top_k,
                assets=_assets(candidates, part) if listed else None,
            )
            for shard, held in shared.items()
            for part in _parts(held)
        ]
    return made


def _owned(shards: ShardMap, collections: Ids) -> dict[UUID, OwnShard]:
    """Those with a shard of their own, by way of whichever are fewer: no loop over thousands."""
    if len(shards.own) < len(collections):
        return shards.owned([one for one in shards.own if one in collections])
    return shards.owned(collections)


def _by_shard(collections: Ids, shards: int) -> dict[int, Ids]:
    if shards == 1:
        return {0: collections} if collections else {}
    found: dict[int, list[UUID]] = {}
    for one in collections:
        found.setdefault(shard_of(one, shards=shards), []).append(one)
    return {shard: Ids.of(some) for shard, some in found.items()}


def _parts(held: Ids) -> list[Ids]:
    """Many small collections in two lots, which two connections can compare side by side."""
    if len(held) < _DIVIDED_FROM:
        return [held]
    half = len(held) // 2
    return [held[:half], held[half:]]


def _assets(candidates: Candidates, collections: Sequence[UUID]) -> tuple[UUID, ...]:
    of = candidates or {}
    return tuple(asset for one in collections for asset in of.get(one, ()))


def reranked(limit: int) -> int:
    """How many rows that signs find are compared again by whole vectors, for ``limit`` wanted."""
    return max(limit, min(max(_RERANKED * limit, _LEAST_RERANKED), MOST_EF))


def breadth(*, least: int, branches: Sequence[Branch]) -> int:
    """How many candidates an index search keeps (``hnsw.ef_search``) for these scans together."""
    wanted = [
        reranked(branch.limit) if branch.route == "binary" else _KEPT * branch.limit
        for branch in branches
        if branch.approximate
    ]
    return min(max([least, *wanted]), MOST_EF)


# Milliseconds of a scan as reckoned from measurements on a busy machine: an index search; a small
# collection found and compared exactly; a collection of its own compared exactly, which is rare.
_INDEX_MS, _SMALL_MS, _WHOLE_MS = 1.2, 0.008, 10.0
# Below this there is nothing to gain: a second connection costs about a millisecond.
_WORTH_HALVING_MS, _WORTH_HALF_MS = 4.0, 2.0


def halves(branches: Sequence[Branch]) -> tuple[list[int], list[int]]:
    """The scans' numbers in two lots of about equal work; the second is empty if not worth it."""
    costs = {number: _cost(branch) for number, branch in enumerate(branches)}
    lots: tuple[list[int], list[int]] = ([], [])
    sums = [0.0, 0.0]
    for number in sorted(costs, key=lambda n: -costs[n]):
        lot = sums.index(min(sums))
        lots[lot].append(number)
        sums[lot] += costs[number]
    if sum(sums) < _WORTH_HALVING_MS or min(sums) < _WORTH_HALF_MS:
        return list(costs), []
    return lots


def _cost(branch: Branch) -> float:
    if branch.approximate:
        return _INDEX_MS
    if branch.assets is not None:
        return 0.003 * len(branch.assets)
    return _WHOLE_MS if branch.own else _SMALL_MS * len(branch.collections)
