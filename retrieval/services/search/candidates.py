"""The nearest permitted segments of every space, with what each similarity is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.fusion import Signal
from retrieval.selectors.models import ActiveModel
from retrieval.services.search.certainty import certainty
from retrieval.services.search.checks import Checked
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.services.search.types import SIMILARITY_DECIMALS
from retrieval.vectors import Neighbour, Vector, backend

# Segments asked for an asset wanted: a long text has many near ones, and the list is of assets.
_SEGMENTS_AN_ASSET = 4
_SEGMENTS_AT_LEAST = 40
_SEGMENTS_AT_MOST = 10_240


def candidates(*, asked: Checked, reach: Reach, query: Query) -> list[Signal]:
    """At least ``top_k`` assets of every version and modality, where so many are permitted.

    Call inside ``scope.user``. Each version's table is asked for the collections that use that
    version, and for no others. One query a version, more only where one asset fills a whole list.
    """
    signals: list[Signal] = []
    for model in reach.models:
        carried = query.carried.get(model.ref)
        vector = carried.vector if carried else query.vectors.get(model.ref)
        if vector is None:
            continue
        kinds = carried.modalities if carried else model.modalities
        modalities = [m for m in reach.modalities if m in kinds]
        found = _nearest(model, asked, reach, vector, modalities)
        signals += _signals(model, asked, reach, query, found)
    return signals


def _nearest(
    model: ActiveModel, asked: Checked, reach: Reach, vector: Vector, modalities: Sequence[str]
) -> list[Neighbour]:
    top_k = asked.request.top_k
    size = max(_SEGMENTS_AN_ASSET * top_k, _SEGMENTS_AT_LEAST)
    found: list[Neighbour] = []
    left = list(modalities)
    while left:
        near = backend().search(
            table=model.table,
            query=vector,
            collections=reach.held[model.ref],
            modalities=left,
            top_k=size,
            where=asked.request.filters,
            without_asset=asked.request.asset,
        )
        lists = {modality: [n for n in near if n.modality == modality] for modality in left}
        left = [
            modality
            for modality, part in lists.items()
            if len(part) == size < _SEGMENTS_AT_MOST and len({n.asset_id for n in part}) < top_k
        ]
        found += [n for modality, part in lists.items() if modality not in left for n in part]
        size = min(4 * size, _SEGMENTS_AT_MOST)
    return found


def _signals(
    model: ActiveModel, asked: Checked, reach: Reach, query: Query, found: Sequence[Neighbour]
) -> list[Signal]:
    signals: list[Signal] = []
    carried = query.carried.get(model.ref)
    weight = float(asked.request.weights.get(model.space, 1.0))
    for target in dict.fromkeys(n.modality for n in found):
        part = [n for n in found if n.modality == target]
        # Only the rounded similarity goes into the probability: the curve and the reference bank
        # are public, so anything finer could be worked back from the confidence.
        similarities = np.array([round(n.similarity, SIMILARITY_DECIMALS) for n in part])
        calibrated, threshold = certainty(model, reach, query, target, similarities)
        signals += [
            Signal(
                space=model.space,
                model=model.ref,
                query_modality=query.modality,
                target_modality=target,
                asset_id=neighbour.asset_id,
                segment_id=neighbour.segment_id,
                similarity=neighbour.similarity,
                calibrated=float(probability),
                threshold=threshold,
                weight=weight,
                bridge=carried.bridge.ref if carried else None,
            )
            for neighbour, probability in zip(part, calibrated, strict=True)
        ]
    return signals
