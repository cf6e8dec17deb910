"""How likely a hit is right, given its similarity, its query and the pair of modalities.

Similarities of two pairs, or of two queries, cannot be compared. A fixed bank of reference vectors
(part of the bundle, never an organisation's data) says what a similarity means for one query; a
logistic curve fitted on labelled pairs turns that into a probability. Hidden data can therefore
never move a score. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

VERSION = 1
FEATURES = ("z", "similarity", "peak")
_SMALLEST_SPREAD = 1e-3
_PEAK_QUANTILE = 0.99


class CalibrationError(ValueError):
    """Parameters that cannot be used."""


def features(similarities: npt.NDArray[np.floating[Any]], *, bank: npt.NDArray[Any]) -> Numbers:
    """Features of each similarity: float64 (n, 3), columns as ``FEATURES``.

    ``z`` is the similarity in standard deviations above the mean of the query's similarities to
    the reference bank (m,); ``peak`` is that of the bank's 99th percentile, the same in every row:
    a query that fits nothing in particular has a low one.
    """
    found = np.asarray(similarities, dtype=np.float64)
    known = np.asarray(bank, dtype=np.float64)
    spread = max(float(known.std()), _SMALLEST_SPREAD)
    z = (found - known.mean()) / spread
    peak = (np.quantile(known, _PEAK_QUANTILE) - known.mean()) / spread
    return np.stack([z, found, np.full_like(z, peak)], axis=-1)


def logistic(scores: npt.NDArray[np.floating[Any]]) -> Numbers:
    """``1 / (1 + exp(-scores))`` without overflow."""
    found: Numbers = 0.5 * (1.0 + np.tanh(np.asarray(scores, dtype=np.float64) / 2.0))
    return found


@dataclass(frozen=True)
class PairCalibration:
    """Platt scaling (Platt 1999) of a normalised similarity, for one pair of modalities.

    ``weights`` are in order of ``FEATURES``; those of ``z`` and ``similarity`` are never negative,
    so that of two hits of one query the more similar is never the less probable. ``threshold`` is
    the probability from which a hit counts as a match.
    """

    weights: tuple[float, float, float]
    bias: float
    threshold: float

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any]) -> PairCalibration:
        """The calibration that ``to_json`` wrote.

        Raises:
            CalibrationError: a part is missing, of another version, or not finite.
        """
        try:
            if parameters["version"] != VERSION:
                raise CalibrationError(f"calibration version is not {VERSION}")
            z, similarity, peak = (float(parameters["weights"][name]) for name in FEATURES)
            bias, threshold = float(parameters["bias"]), float(parameters["threshold"])
        except (KeyError, TypeError) as error:
            raise CalibrationError("calibration parameters are incomplete") from error
        if not np.isfinite([z, similarity, peak, bias, threshold]).all():
            raise CalibrationError("calibration parameters are not finite")
        if z < 0 or similarity < 0:
            raise CalibrationError("a calibration must rise with the similarity")
        return cls(weights=(z, similarity, peak), bias=bias, threshold=threshold)

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        weights = dict(zip(FEATURES, self.weights, strict=True))
        return {
            "version": VERSION,
            "weights": weights,
            "bias": self.bias,
            "threshold": self.threshold,
        }

    def probability(
        self, similarities: npt.NDArray[np.floating[Any]], *, bank: npt.NDArray[Any]
    ) -> Numbers:
        """P(relevant) of each hit: float64 (n,) in 0..1.

        ``similarities`` (n,) are cosines of one query to its hits; ``bank`` (m,) are the query's
        cosines to the reference vectors of the target modality.
        """
        rows = features(similarities, bank=bank)
        return logistic(rows @ np.asarray(self.weights) + self.bias)
