"""What a similarity is worth: P(relevant), by the pair's calibration and the reference bank."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.calibration import PairCalibration
from retrieval.encoders.bundle import BundleError, load_reference, reference_stamp
from retrieval.errors import Unavailable
from retrieval.selectors.bridges import LABELLED
from retrieval.selectors.models import ActiveModel
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.vectors import Vector


def certainty(
    model: ActiveModel,
    reach: Reach,
    query: Query,
    target: str,
    similarities: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], float]:
    """P(relevant) of each similarity ``(n,)``, and from where on it is a match.

    A composed query was in no fitting, so it is only as sure as the least sure of its parts would
    be. A pair that was never fitted is sure of nothing: probability 0 under a threshold of 1.
    What came over a bridge has calibrations of the bridge's own.
    """
    bank = _bank(model, target)
    carried = query.carried.get(model.ref)
    own = carried.own if carried else frozenset(query.components)
    fitted = {
        one.query_modality: PairCalibration.from_json(one.parameters)
        for one in reach.calibrations
        if one.model == model.id and one.target_modality == target and one.query_modality in own
    }
    over = {
        one.query_modality: one
        for one in (carried.bridge.pairs if carried else ())
        if one.target_modality == target and one.query_modality not in own
    }
    if bank is None or not set(query.components) <= {*fitted, *over}:
        return np.zeros(len(similarities)), 1.0
    pairs = [
        fitted[name] if name in fitted else PairCalibration.from_json(over[name].parameters)
        for name in query.components
    ]
    to_bank = bank @ (carried.vector if carried else query.vectors[model.ref])
    probabilities = [pair.probability(similarities, bank=to_bank) for pair in pairs]
    found, threshold = np.min(probabilities, axis=0), max(pair.threshold for pair in pairs)
    if all(one.basis == LABELLED for one in over.values()):
        return found, threshold
    return GUESSED * found, 1.0


# What was guessed from texts is never called a match, and ranks below what was measured: at most
# half as likely as the texts suggest, because what the towers themselves get wrong is not in them.
GUESSED = 0.5


def _bank(model: ActiveModel, modality: str) -> Vector | None:
    """Reference vectors of one modality: float32 ``(m, d)``, fixed with the bundle; or none."""
    try:
        return _banks(model.folder, reference_stamp(model.folder)).get(modality)
    except BundleError as error:
        if error.code == "no-reference":
            return None
        raise Unavailable(f"The files of {model.ref} cannot be used.") from None


@lru_cache(maxsize=8)
def _banks(folder: Path, stamp: tuple[int, ...]) -> dict[str, Vector]:
    return load_reference(folder)
