"""Calibrations of one model from labelled pairs: what is a bank, what is fitted on, what is held.

Files are dealt out by a hash of their name: a quarter is the reference bank of its modality (what a
similarity means for one query), a half is fitted on, a quarter is held out and says how well the
probabilities hold. No file is in two of them. The bank of texts is neutral and ships with the
appliance. Nothing that a collection holds goes into any of them, so hidden data never move a score.
Pure numpy and scipy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval import metrics
from retrieval.alignment.calibration_fit import (
    Fit,
    Judged,
    asked_all,
    calibration_fit,
    judged_top,
)
from retrieval.encoders.base import Vectors
from retrieval.evaluation.cases import Case, Things

BANK_SIZE = 256
LEAST_ITEMS = 40  # files to fit on, under which a curve says more about them than about the model
SEED = 11
_QUARTERS = 4


@dataclass(frozen=True)
class Parts:
    """Rows of the files of each part, by their place among the dataset's files."""

    bank: npt.NDArray[np.int64]
    fitted: npt.NDArray[np.int64]
    held: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hopeless:
    """Queries (h, d) of one modality that nothing answers, and how many words each has."""

    vectors: Vectors
    words: tuple[int, ...] | None = None


@dataclass(frozen=True)
class FittedPair:
    """A pair's fit; ``held_out`` is its calibration error on files that it was not fitted on."""

    asked: str
    target: str
    fit: Fit
    held_out: float
    held_queries: int


def parts_of(files: Sequence[str]) -> Parts:
    """Which file is for what; the same for the same names in any order or company."""
    quarter = np.array([hashlib.sha256(name.encode()).digest()[0] % _QUARTERS for name in files])
    return Parts(
        bank=np.flatnonzero(quarter == 0),
        fitted=np.flatnonzero((quarter == 1) | (quarter == 2)),  # noqa: PLR2004 - of four quarters
        held=np.flatnonzero(quarter == _QUARTERS - 1),
    )


def bank_of(things: Things, rows: npt.NDArray[np.int64]) -> Vectors:
    """Reference vectors: at most ``BANK_SIZE`` parts of the things in ``rows``."""
    own: Vectors = things.parts[np.isin(things.owner, rows)]
    picked: Vectors = own[np.random.default_rng(SEED).permutation(len(own))[:BANK_SIZE]]
    return picked


def pair_fitted(
    case: Case,
    parts: Parts,
    *,
    bank: Mapping[str, Vectors],
    hopeless: Hopeless,
    files_asked: npt.NDArray[np.int64],
    files_found: npt.NDArray[np.int64],
) -> FittedPair | None:
    """The fit of one pair; None where some part has no right answer to learn or to test on.

    ``bank`` are the reference vectors by modality, ``hopeless`` queries that nothing answers;
    ``files_asked`` (n,) and ``files_found`` (m,) say which file each query and thing is of, -1 for
    one that is of no file in particular, such as a label.
    """
    fitted = _judged(case, parts.fitted, bank, hopeless, files_asked, files_found)
    held = _judged(case, parts.held, bank, None, files_asked, files_found)
    right = [sum(bool(one.right.any()) for one in some) for some in (fitted, held)]
    if not all(right):
        return None
    order = np.random.default_rng(SEED).permutation(len(fitted))
    fit = calibration_fit([fitted[i] for i in order])
    said = [fit.calibration.probability(one.similarities, one.asked) for one in held]
    true = [one.right for one in held]
    error = metrics.equal_mass_error(np.concatenate(said), np.concatenate(true))
    return FittedPair(case.asked, case.target, fit, round(error, 4), len(held))


def _judged(
    case: Case,
    files: npt.NDArray[np.int64],
    bank: Mapping[str, Vectors],
    hopeless: Hopeless | None,
    files_asked: npt.NDArray[np.int64],
    files_found: npt.NDArray[np.int64],
) -> list[Judged]:
    """The first hits of the queries of ``files`` among the things of ``files``."""
    rows = np.flatnonzero(np.isin(files_asked, [*files, -1]))
    columns = np.flatnonzero(np.isin(files_found, [*files, -1]))
    similarities = case.similarities[np.ix_(rows, columns)]
    right = case.right[np.ix_(rows, columns)]
    pair = (case.asked, case.target)
    words = [case.words[row] for row in rows] if case.words else None
    asked = asked_all(case.queries[rows], bank, pair, words)
    groups = files_asked[rows] if (files_asked[rows] >= 0).all() else np.arange(len(rows))
    found = judged_top(similarities, right, asked, groups=groups.tolist())
    if hopeless is not None and len(hopeless.vectors):
        among = np.isin(case.targets.owner, columns)
        nothing = hopeless.vectors @ case.targets.parts[among].T
        none = np.zeros(nothing.shape, dtype=bool)
        lost = asked_all(hopeless.vectors, bank, pair, hopeless.words)
        found += judged_top(nothing, none, lost, nonsense=True)
    return found


def bank_merged(own: Mapping[str, Vectors], made: Mapping[str, Vectors]) -> dict[str, Vectors]:
    """A bundle's own bank, and what was made for the modalities that it has none for."""
    return {**made, **own}
