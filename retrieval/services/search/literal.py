"""Permitted segments that hold the query's words, with what a literal match is worth."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from retrieval.fusion import LEXICAL, Signal
from retrieval.lexical import curve
from retrieval.lexical.store import words_search
from retrieval.lexical.words import question_of
from retrieval.services.search.checks import Checked
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach

_ROUTE = "words"


def literal_signals(
    *, asked: Checked, reach: Reach, query: Query, also: Sequence[UUID]
) -> list[Signal]:
    """The ``top_k`` assets of each modality that hold most of the query's words, and of ``also``.

    Nothing where the query is more than words, for words alone say little of what a picture and a
    text ask together; nothing, either, of stop words and signs. At most one statement. Call inside
    ``scope.user``.
    """
    weight = float(asked.request.weights.get(LEXICAL, 1.0))
    if not weight or query.words is None:
        return []
    question = question_of(query.words)
    found = words_search(
        question=question,
        collections=reach.collections,
        modalities=reach.modalities,
        assets=asked.request.top_k,
        least=curve.LEAST_SHARE,
        where=asked.request.filters,
        without_asset=asked.request.asset,
        also=also,
    )
    return [
        Signal(
            space=LEXICAL,
            model=None,
            query_modality="text",
            target_modality=match.modality,
            asset_id=match.asset_id,
            segment_id=match.segment_id,
            similarity=match.share,
            calibrated=curve.probability(question, match),
            threshold=curve.THRESHOLD,
            weight=weight,
            source={
                "curve": curve.VERSION,
                "asked": len(question.units),
                "matched": len(match.matched),
                "size": match.size,
                "tells": round(question.tells, 2),
            },
            route=_ROUTE,
        )
        for match in found
    ]
