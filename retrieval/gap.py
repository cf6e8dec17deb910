"""The gap between the modalities of one space.

Encoders trained by contrast leave each modality in a cone of its own (Liang et al., "Mind the Gap",
NeurIPS 2022): the centroids of texts and pictures lie apart although they describe the same.
Pure numpy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.encoders.base import unit_rows
from retrieval.metrics import mean_reciprocal_rank, ranked

Vectors = npt.NDArray[np.float32]


def centroid(bank: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Mean of the rows of a bank (n, d): float32 (d,), shorter than 1.

    Raises:
        ValueError: the bank is empty.
    """
    if not len(bank):
        raise ValueError("a bank without vectors has no centroid")
    return np.asarray(bank.mean(axis=0, dtype=np.float64), dtype=np.float32)


def centred(vectors: npt.NDArray[np.floating[Any]], mean: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Rows of (n, d) with ``mean`` taken off, L2-normalised again: float32 (n, d)."""
    return unit_rows(np.asarray(vectors, dtype=np.float32) - np.asarray(mean, dtype=np.float32))


@dataclass(frozen=True)
class Gap:
    """How far one modality lies from another of the same space.

    ``distance`` is that of the centroids, 0 to 2; ``separable`` the share of vectors nearer to the
    centroid of their own modality (0.5: no gap to see, 1: two cones that do not touch).
    ``distance_centred`` is the distance once each centroid is taken off and lengths are 1 again.
    """

    distance: float
    distance_centred: float
    separable: float

    def to_json(self) -> dict[str, float]:
        """Its figures, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def gap_of(bank: Vectors, other: Vectors) -> Gap:
    """The gap between two reference banks of one space: unit rows (n, d) and (m, d)."""
    mine, theirs = centroid(bank), centroid(other)
    axis = mine - theirs
    middle = (mine + theirs) / 2
    right = np.concatenate([(bank - middle) @ axis > 0, (other - middle) @ axis < 0])
    after = centroid(centred(bank, mine)) - centroid(centred(other, theirs))
    return Gap(
        distance=float(np.linalg.norm(axis)),
        distance_centred=float(np.linalg.norm(after)),
        separable=float(right.mean()),
    )


def gap_by_retrieval(
    queries: Vectors, gallery: Vectors, right: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Mean reciprocal rank of right answers, as vectors are and centred; higher is better.

    ``queries`` (n, d) are of one modality, ``gallery`` (m, d) of the other, ``right`` (n, m). Each
    side is centred by its own mean.
    """
    plain = queries @ gallery.T
    without = centred(queries, centroid(queries)) @ centred(gallery, centroid(gallery)).T
    return {
        "mrr": round(mean_reciprocal_rank(ranked(plain, right)), 4),
        "mrr_centred": round(mean_reciprocal_rank(ranked(without, right)), 4),
    }
