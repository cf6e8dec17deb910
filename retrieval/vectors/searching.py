"""A search, from what is asked to its neighbours: routed, put, checked, and filled up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from psycopg import sql

from retrieval.vectors import beside, router, shard_map, statements, tuning
from retrieval.vectors.base import Neighbour, VectorRequest, checked
from retrieval.vectors.raw import executed
from retrieval.vectors.router import Branch
from retrieval.vectors.shards import ShardMap

# The map changes when a collection has grown past a threshold, which is rare: two changes while one
# search runs do not happen twice.
_TRIES = 4


_NO_STAMP = UUID(int=0)


class MapMovedError(RuntimeError):
    """The map of shards changed under each try of one search."""


@dataclass(frozen=True)
class _Round:
    """What one statement found: rows by branch, and the map's stamp at that moment."""

    rows: dict[int, list[Neighbour]]
    stamp: UUID | None


def answered(requests: Sequence[VectorRequest]) -> list[list[Neighbour]]:
    """The neighbours of each request, nearest first within each of its modalities in turn.

    Raises:
        ValueError: a query that is not a finite unit vector.
        MapMovedError: collections were being moved again and again.
    """
    for request in requests:
        checked(request.query)
    listed = [_candidates(request) for request in requests]
    shards = shard_map.current()
    for _ in range(_TRIES):
        branches = _branches(requests, listed, shards)
        if not branches:
            return [[] for _ in requests]
        found = _put(branches, requests)
        if found.stamp == shards.stamp:
            return _merged(requests, branches, _filled(found, branches, requests))
        shards = shard_map.refreshed()
    raise MapMovedError("collections are being moved between shards")


def _candidates(request: VectorRequest) -> router.Candidates:
    """The assets that pass the request's filter, by collection, if they are few."""
    if request.where.empty or not request.collections:
        return None
    most = tuning.current().listed_assets
    text, values = statements.candidate_assets(request, limit=most + 1)
    with executed(text, values) as cursor:
        rows = cursor.fetchall()
    if len(rows) > most:
        return None
    found: dict[UUID, list[UUID]] = {}
    for asset, collection in rows:
        found.setdefault(collection, []).append(asset)
    return found


def _branches(
    requests: Sequence[VectorRequest], listed: Sequence[router.Candidates], shards: ShardMap
) -> list[Branch]:
    return [
        branch
        for number, (request, candidates) in enumerate(zip(requests, listed, strict=True))
        for branch in router.branches(
            number=number,
            request=request,
            shards=shards,
            shared_shards=shard_map.shared_shards(request.table),
            candidates=candidates,
        )
    ]


def _put(branches: Sequence[Branch], requests: Sequence[VectorRequest]) -> _Round:
    """All scans answered: at once, or in two halves side by side where that saves time."""
    mine, others = router.halves(branches)
    if not others or not beside.possible():
        return _ask(branches, requests)
    asked = beside.start(partial(_ask, [branches[n] for n in others], requests))
    if asked is None:
        return _ask(branches, requests)
    first = _ask([branches[n] for n in mine], requests)
    second = asked()
    if second is None:
        second = _ask([branches[n] for n in others], requests)
    rows = {n: first.rows[place] for place, n in enumerate(mine)}
    rows |= {n: second.rows[place] for place, n in enumerate(others)}
    # Halves that saw different maps fit no map: whatever the caller expected, it looks again.
    return _Round(rows=rows, stamp=first.stamp if first.stamp == second.stamp else _NO_STAMP)


def _ask(branches: Sequence[Branch], requests: Sequence[VectorRequest]) -> _Round:
    _settings(branches)
    statement = statements.nearest(branches, requests)
    rows: dict[int, list[Neighbour]] = {number: [] for number in range(len(branches))}
    stamp: UUID | None = None
    with executed(statement.text, statement.values) as cursor:
        for number, segment, asset, collection, negative in cursor:
            if number < 0:
                stamp = asset
                continue
            branch = branches[number]
            rows[number].append(
                Neighbour(
                    segment_id=segment,
                    asset_id=asset,
                    collection_id=collection,
                    modality=branch.modality,
                    similarity=-negative,
                    route="hnsw" if branch.approximate else "exact",
                )
            )
    return _Round(rows=rows, stamp=stamp)


def _settings(branches: Sequence[Branch]) -> None:
    """How this transaction's index scans go on; nothing where no index is asked."""
    if not any(branch.approximate for branch in branches):
        return
    known = tuning.current()
    breadth = router.breadth(least=known.ef_search, branches=branches)
    with executed(
        sql.SQL(
            "SELECT set_config('hnsw.ef_search', %s, true), "
            "set_config('hnsw.iterative_scan', 'relaxed_order', true), "
            "set_config('hnsw.max_scan_tuples', %s, true)"
        ),
        [str(breadth), str(known.scan_tuples)],
    ):
        pass


def _filled(
    found: _Round, branches: Sequence[Branch], requests: Sequence[VectorRequest]
) -> dict[int, list[Neighbour]]:
    """Rows by branch; where an index gave fewer than were asked for, all of its rows compared."""
    short = [
        number
        for number, branch in enumerate(branches)
        if branch.approximate and len(found.rows[number]) < branch.limit
    ]
    if not short:
        return found.rows
    again = _put([branches[number].exactly() for number in short], requests)
    if again.stamp != found.stamp:
        # Moved in between: the rows found are right as far as they go, and each stands once.
        return found.rows
    filled = {
        number: [replace(one, route="fallback") for one in again.rows[place]]
        for place, number in enumerate(short)
    }
    return {**found.rows, **filled}


def _merged(
    requests: Sequence[VectorRequest], branches: Sequence[Branch], rows: dict[int, list[Neighbour]]
) -> list[list[Neighbour]]:
    """By request: the nearest of all its scans, for each modality."""
    lists: list[dict[str, list[Neighbour]]] = [
        {modality: [] for modality in request.modalities} for request in requests
    ]
    for number, branch in enumerate(branches):
        lists[branch.request][branch.modality] += rows[number]
    # Equal similarities come in no order from the index, and in one order from here.
    return [
        [
            one
            for near in by_modality.values()
            for one in sorted(near, key=lambda n: (-n.similarity, n.segment_id))[: request.top_k]
        ]
        for request, by_modality in zip(requests, lists, strict=True)
    ]
