"""A million vectors that lie like real embeddings, and the collections they are in.

A vector is the common direction, plus its topic, its cluster and itself, each drawn from a normal
distribution with the falling spectrum that the starter's embeddings of Flickr8k dev have, plus a
little of the same in every direction. Topics' and clusters' sizes follow a power law, and a cluster
has a home: most of its rows lie in one collection. ``profile`` says how near the result is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]

# Shares of the variance along the principal axes of the starter's 1,000 embeddings of Flickr8k dev
# images: axis number (from 1) and share; between them the logarithm is interpolated.
_AXES = (1, 2, 3, 6, 11, 21, 51, 101, 201)
_SHARES = (0.1351, 0.0868, 0.0579, 0.0455, 0.0255, 0.0129, 0.0031, 0.0002, 0.00002)
_COMMON = 0.31  # length of what all share, so that the length of their mean is as the real one
_EVERYWHERE = 0.03  # share of the variance that is the same in every direction
_TOPICS, _CLUSTERS = 300, 20_000
_OF_TOPIC, _OF_CLUSTER = 0.45, 0.27  # of the variance; the rest is the row's own
_AT_HOME = 0.7  # share of a cluster's rows in its home collection
_POWER = 1.0  # of the sizes, as Zipf's law has it

# Rows of the dedicated collections, in thousandths of all rows; the rest is in small ones.
DEDICATED = (400, 220, 130, 90, 60, 40, 20, 10)
_SMALL_SIZES = (10, 20)


@dataclass(frozen=True)
class Corpus:
    """Rows, their collections, and queries of the same law that are not among the rows.

    ``vectors`` float32 ``(n, d)``, L2-normalised, ``queries`` likewise; ``collection`` int16
    ``(n,)``: the first numbers are the dedicated ones, the small ones follow.
    """

    vectors: Rows
    collection: npt.NDArray[np.int16]
    queries: Rows


def corpus(*, rows: int, dimension: int, queries: int, seed: int = 5) -> Corpus:
    """The same for the same arguments on every machine with the same numpy."""
    rng = np.random.default_rng(seed)  # clusters and collections are the same in every dimension
    weights = _zipf(_CLUSTERS)
    cluster = rng.choice(_CLUSTERS, size=rows, p=weights)
    collection = _collections(rng, cluster)
    asked = rng.choice(_CLUSTERS, size=queries, p=weights)
    rng = np.random.default_rng((seed, dimension))
    law = _Law(rng, dimension)
    return Corpus(
        vectors=law.drawn(rng, cluster), collection=collection, queries=law.drawn(rng, asked)
    )


class _Law:
    def __init__(self, rng: np.random.Generator, dimension: int) -> None:
        axes = np.arange(1, dimension + 1)
        shares = np.exp(np.interp(axes, _AXES, np.log(_SHARES)))
        shares = (1 - _EVERYWHERE) * shares / shares.sum() + _EVERYWHERE / dimension
        self._turned, _ = np.linalg.qr(rng.standard_normal((dimension, dimension)))
        self._scale = np.sqrt(shares * (1 - _COMMON**2)).astype(np.float32)
        common = np.zeros(dimension, np.float32)
        common[-1] = _COMMON
        topics = self._normal(rng, _TOPICS) * np.sqrt(_OF_TOPIC)
        of_topic = rng.choice(_TOPICS, size=_CLUSTERS, p=_zipf(_TOPICS))
        self._centres = (
            common + topics[of_topic] + self._normal(rng, _CLUSTERS) * np.sqrt(_OF_CLUSTER)
        )

    def drawn(self, rng: np.random.Generator, cluster: npt.NDArray[np.int64]) -> Rows:
        made = np.empty((len(cluster), len(self._scale)), np.float32)
        turned = self._turned.astype(np.float32)
        for first in range(0, len(cluster), 50_000):
            part = cluster[first : first + 50_000]
            own = self._normal(rng, len(part)) * np.sqrt(1 - _OF_TOPIC - _OF_CLUSTER)
            rotated = (self._centres[part] + own).astype(np.float32) @ turned
            made[first : first + len(part)] = rotated / np.linalg.norm(
                rotated, axis=1, keepdims=True
            )
        return made

    def _normal(self, rng: np.random.Generator, count: int) -> Rows:
        made = rng.standard_normal((count, len(self._scale)), dtype=np.float32) * self._scale
        return np.asarray(made, dtype=np.float32)


def _zipf(count: int) -> npt.NDArray[np.float64]:
    weights = np.arange(1, count + 1, dtype=np.float64) ** -_POWER
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _collections(rng: np.random.Generator, cluster: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """A collection a row: dedicated ones of fixed sizes, filled from their own clusters first."""
    rows = len(cluster)
    sizes = [rows * part // 1000 for part in DEDICATED]
    left = rows - sum(sizes)
    while left > 0:
        size = min(left, int(rng.integers(_SMALL_SIZES[0], _SMALL_SIZES[1] + 1)))
        sizes.append(size)
        left -= size
    # Clusters in one random order: a row at home sorts by its cluster's place, another anywhere.
    place = rng.random(_CLUSTERS)[cluster]
    place = np.where(rng.random(rows) < _AT_HOME, place, rng.random(rows))
    made = np.empty(rows, np.int16)
    made[np.argsort(place)] = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    return made


@dataclass(frozen=True)
class Profile:
    """How vectors lie: of 1,000 of them, as the real ones were looked at."""

    effective_dimension: float  # participation ratio of the covariance's eigenvalues
    mean_length: float
    median: float  # similarity of two
    nearest: tuple[float, float, float]  # medians of the similarity to the 1st, 10th and 50th


# The starter's embeddings of the 1,000 images of Flickr8k dev.
REAL = Profile(
    effective_dimension=22.0, mean_length=0.357, median=0.107, nearest=(0.750, 0.618, 0.474)
)


def profile(vectors: Rows, *, sample: int = 1000) -> Profile:
    """Of the first ``sample`` rows."""
    some = vectors[:sample].astype(np.float64)
    values = np.linalg.eigvalsh(np.cov(some.T))
    near = some @ some.T
    others = near[~np.eye(len(some), dtype=bool)].reshape(len(some), -1)
    ordered = -np.sort(-others, axis=1)
    first, tenth, fiftieth = np.median(ordered[:, [0, 9, 49]], axis=0)
    return Profile(
        effective_dimension=float(values.sum() ** 2 / (values**2).sum()),
        mean_length=float(np.linalg.norm(some.mean(axis=0))),
        median=float(np.median(others)),
        nearest=(float(first), float(tenth), float(fiftieth)),
    )
