"""What a similarity is worth: P(relevant), by the pair's calibration and the reference bank."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from retrieval.calibration import Asked, asked_of, words_in
from retrieval.encoders.bundle import BundleError, load_reference, reference_stamp
from retrieval.errors import Unavailable
from retrieval.selectors.bridges import LABELLED, BridgedPair
from retrieval.selectors.models import ActiveModel, PairParameters
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.services.search.types import SIMILARITY_DECIMALS
from retrieval.vectors import Neighbour, Vector

# What was guessed from texts is never called a match, and ranks below what was measured: at most
# half as likely as the texts suggest, because what the towers themselves get wrong is not in them.
GUESSED = 0.5
# A hit is no match beside one of its kind that is three times as probable: what may be answered at
# all is judged by the query, so without this everything near would match.
BESIDE_BEST = 1 / 3
_BANKS_KEPT = 64  # versions; a bank is about a megabyte


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """Of each of n hits: P(relevant), from which P on it is a match, and what says so.

    ``sources`` are JSON: the calibration, since when it holds, and what of the query it looked at;
    of a composed query likewise ``others`` for its further parts.
    """

    probabilities: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    sources: tuple[dict[str, Any], ...]


def certainty(
    model: ActiveModel, reach: Reach, query: Query, target: str, neighbours: Sequence[Neighbour]
) -> Certainty:
    """What the hits of one version and one target modality are worth, in their order.

    A collection's own calibration counts for what it holds, once a steward has promoted one; the
    version's counts for everything else. A composed query was in no fitting, so it is only as sure
    as the least sure of its parts would be. A pair that was never fitted is sure of nothing:
    probability 0 under a threshold of 1. What came over a bridge has calibrations of the bridge's
    own.
    """
    # Only the rounded similarity goes into the probability: the curve and the reference bank are
    # public, so anything finer could be worked back from the confidence.
    similarities = np.array([round(n.similarity, SIMILARITY_DECIMALS) for n in neighbours])
    found, least = np.zeros(len(neighbours)), np.ones(len(neighbours))
    sources: list[dict[str, Any]] = [{}] * len(neighbours)
    banks, stamp = _banks_of(model)
    own = _fitted(reach, model, target)
    held = [n.collection_id if n.collection_id in own else None for n in neighbours]
    for collection in dict.fromkeys(held):
        pairs = _pairs(model, query, target, own.get(None, {}) | own.get(collection, {}))
        if pairs is None or target not in banks:
            continue
        rows = [i for i, one in enumerate(held) if one == collection]
        judged = _judged(pairs, _asked(model, query, target, banks), similarities[rows])
        found[rows], least[rows], source = judged
        source["bank"] = list(stamp)
        for row in rows:
            sources[row] = source
    return Certainty(probabilities=found, thresholds=least, sources=tuple(sources))


def beside_best(thresholds: npt.NDArray[np.float64], *, best: float) -> npt.NDArray[np.float64]:
    """``thresholds`` (n,), none below what is a match beside a hit of probability ``best``."""
    return np.maximum(thresholds, BESIDE_BEST * best)


_Fitted = dict[str, PairParameters]


def _fitted(reach: Reach, model: ActiveModel, target: str) -> dict[UUID | None, _Fitted]:
    """By collection, None for all: the calibrations towards ``target``, by query modality."""
    found: dict[UUID | None, _Fitted] = {}
    for one in reach.calibrations:
        if one.model == model.id and one.target_modality == target:
            found.setdefault(one.collection, {})[one.query_modality] = one
    return found


def _pairs(
    model: ActiveModel, query: Query, target: str, fitted: _Fitted
) -> list[PairParameters | BridgedPair] | None:
    """What each component of the query is judged by; None where one of them has nothing."""
    carried = query.carried.get(model.ref)
    own = carried.own if carried else frozenset(query.components)
    over = {
        one.query_modality: one
        for one in (carried.bridge.pairs if carried else ())
        if one.target_modality == target and one.query_modality not in own
    }
    usable: dict[str, PairParameters | BridgedPair] = {
        **{name: one for name, one in fitted.items() if name in own},
        **over,
    }
    if not set(query.components) <= set(usable):
        return None
    return [usable[name] for name in query.components]


def _asked(
    model: ActiveModel, query: Query, target: str, banks: dict[str, Vector]
) -> dict[str, Asked]:
    """What is known of the query, by component."""
    carried = query.carried.get(model.ref)
    if carried:  # nothing says how usual a query is that was carried into this space
        return {name: Asked(bank=banks[target] @ carried.vector) for name in query.components}
    vector, words = query.vectors[model.ref], _words(query)
    return {
        name: asked_of(vector, banks, (name, target), words if name == "text" else None)
        for name in query.components
    }


def _judged(
    pairs: Sequence[PairParameters | BridgedPair],
    asked: dict[str, Asked],
    similarities: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], float, dict[str, Any]]:
    """Probabilities, the least of a match, and the source, by the least sure component."""
    curves = [pair.curve for pair in pairs]
    each = [
        curve.probability(similarities, asked[pair.query_modality])
        for curve, pair in zip(curves, pairs, strict=True)
    ]
    least = max(
        curve.least(asked[pair.query_modality]) for curve, pair in zip(curves, pairs, strict=True)
    )
    found: npt.NDArray[np.float64] = np.min(each, axis=0)
    first, *others = [_source(pair, asked[pair.query_modality]) for pair in pairs]
    source = {**first, "others": others} if others else first
    if all(pair.basis == LABELLED for pair in pairs if isinstance(pair, BridgedPair)):
        return found, least, source | {"least": round(least, 5)}
    return GUESSED * found, 1.0, source | {"least": 1.0, "guessed": True}


def _source(pair: PairParameters | BridgedPair, asked: Asked) -> dict[str, Any]:
    common = {"query_modality": pair.query_modality, "features": asked.explained()}
    if isinstance(pair, BridgedPair):
        return {**common, "calibration": "bridge", "basis": pair.basis}
    return {
        **common,
        "calibration": str(pair.id),
        "collection": None if pair.collection is None else str(pair.collection),
        "fitted_at": pair.fitted_at.isoformat(),
        "fitted_on": pair.fitted_on,
    }


def _words(query: Query) -> int | None:
    """How many words the redacted query has; None where it has no text."""
    if "text" not in query.components:
        return None
    return words_in(str(json.loads(query.canonical).get("text", "")))


def _banks_of(model: ActiveModel) -> tuple[dict[str, Vector], tuple[int, ...]]:
    """Reference vectors by modality, float32 ``(m, d)``, maybe none; and what tells them apart."""
    try:
        folder = model.folder
        stamp = reference_stamp(folder)
        return _banks(folder, stamp), stamp
    except BundleError as error:
        if error.code == "no-reference":
            return {}, ()
        raise Unavailable(f"The files of {model.ref} cannot be used.") from None


@lru_cache(maxsize=_BANKS_KEPT)
def _banks(folder: Path, stamp: tuple[int, ...]) -> dict[str, Vector]:
    return load_reference(folder)
