"""The nearest permitted segments of every space, with what each similarity is worth."""

from __future__ import annotations

from dataclasses import dataclass, field

from retrieval.fusion import Signal
from retrieval.selectors.models import ActiveModel
from retrieval.services.search.certainty import beside_best, certainty
from retrieval.services.search.checks import Checked
from retrieval.services.search.literal import literal_signals
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.vectors import Neighbour, Vector, VectorRequest, backend

# Segments asked for an asset wanted: a long text has many near ones, and the list is of assets.
_SEGMENTS_AN_ASSET = 4
_SEGMENTS_AT_LEAST = 40
_SEGMENTS_AT_MOST = 10_240


@dataclass
class _Ask:
    """One version asked for some modalities; ``left`` are those whose list is not full yet."""

    model: ActiveModel
    vector: Vector
    left: list[str]
    found: list[Neighbour] = field(default_factory=list)


def candidates(*, asked: Checked, reach: Reach, query: Query) -> list[Signal]:
    """At least ``top_k`` assets of every version and modality, where so many are permitted.

    And of the assets that hold the query's words, as many. Call inside ``scope.user``. Each
    version's table is asked for the collections that use that version, and for no others. One
    statement for all versions, more only where one asset fills a whole list, and one for words.
    """
    asks = _nearest(asked, reach, _asks(reach, query))
    signals = [signal for ask in asks for signal in _signals(ask, asked, reach, query)]
    # Whatever is near is asked for its words, too: it may hold them and not be among the best that
    # do, of which there can be thousands that match alike.
    near = list(dict.fromkeys(signal.asset_id for signal in signals))
    return signals + literal_signals(asked=asked, reach=reach, query=query, also=near)


def _asks(reach: Reach, query: Query) -> list[_Ask]:
    asks = []
    for model in reach.models:
        carried = query.carried.get(model.ref)
        vector = carried.vector if carried else query.vectors.get(model.ref)
        kinds = carried.modalities if carried else model.modalities
        modalities = [m for m in reach.modalities if m in kinds]
        if vector is not None and modalities:
            asks.append(_Ask(model, vector, modalities))
    return asks


def _nearest(asked: Checked, reach: Reach, asks: list[_Ask]) -> list[_Ask]:
    """Every ask with what it found."""
    top_k = asked.request.top_k
    size = max(_SEGMENTS_AN_ASSET * top_k, _SEGMENTS_AT_LEAST)
    waiting = asks
    while waiting:
        requests = [
            VectorRequest(
                table=ask.model.table,
                query=ask.vector,
                collections=reach.held[ask.model.ref],
                modalities=ask.left,
                top_k=size,
                where=asked.request.filters,
                without_asset=asked.request.asset,
            )
            for ask in waiting
        ]
        for ask, near in zip(waiting, backend().search_many(requests), strict=True):
            lists = {kind: [n for n in near if n.modality == kind] for kind in ask.left}
            ask.left = [
                kind
                for kind, part in lists.items()
                if len(part) == size < _SEGMENTS_AT_MOST and len({n.asset_id for n in part}) < top_k
            ]
            ask.found += [n for kind, part in lists.items() if kind not in ask.left for n in part]
        waiting = [ask for ask in waiting if ask.left]
        size = min(4 * size, _SEGMENTS_AT_MOST)
    return asks


def _signals(ask: _Ask, asked: Checked, reach: Reach, query: Query) -> list[Signal]:
    signals: list[Signal] = []
    model = ask.model
    carried = query.carried.get(model.ref)
    weight = float(asked.request.weights.get(model.space, 1.0))
    for target in dict.fromkeys(n.modality for n in ask.found):
        part = [n for n in ask.found if n.modality == target]
        sure = certainty(model, reach, query, target, part)
        least = beside_best(sure.thresholds, best=float(sure.probabilities.max()))
        signals += [
            Signal(
                space=model.space,
                model=model.ref,
                query_modality=query.modality,
                target_modality=target,
                asset_id=neighbour.asset_id,
                segment_id=neighbour.segment_id,
                similarity=neighbour.similarity,
                calibrated=float(sure.probabilities[row]),
                threshold=float(least[row]),
                weight=weight,
                bridge=carried.bridge.ref if carried else None,
                source=sure.sources[row],
                route=neighbour.route,
            )
            for row, neighbour in enumerate(part)
        ]
    return signals
