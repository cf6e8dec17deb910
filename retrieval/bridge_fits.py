"""Learning a bridge in closed form, from texts that two spaces both encode. Pure numpy.

Row i of ``source`` (n, d1) and of ``target`` (n, d2) is the same text in the two spaces. Where
centroids are given the fits work on what is left once they are taken off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.bridges import Bridge, Method, Vectors
from retrieval.encoders.base import unit_rows
from retrieval.gap import centred, centroid

TEXT = "text"
RIDGE = 0.03  # of the mean variance of a source dimension; see the ablation in README
SHARPNESS = 8.0  # of the softmax over a bank, in standard deviations of the similarities


@dataclass(frozen=True)
class Banks:
    """Unlabelled reference vectors by modality: float32 (m, d) each, of one space.

    They give the centroids, and stand for what a text would look or sound like.
    """

    source: Mapping[str, Vectors] = field(default_factory=dict)
    target: Mapping[str, Vectors] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """What a fit learns from: rows (n, d1) and (n, d2) that belong together, and centroids."""

    source: Vectors
    target: Vectors
    means: Mapping[str, Vectors]

    @property
    def dimensions(self) -> tuple[int, int]:
        """d1 and d2."""
        return self.source.shape[1], self.target.shape[1]


def lesson_make(source: Vectors, target: Vectors, banks: Banks, *, centring: bool) -> Lesson:
    """The texts as pairs, each side less its own centroid where ``centring``.

    Raises:
        ValueError: the two sides are not of the same number of texts.
    """
    if len(source) != len(target) or not len(source):
        raise ValueError(f"expected pairs of texts, got {len(source)} and {len(target)}")
    if not centring:
        return Lesson(source, target, {})
    means = {name: centroid(bank) for name, bank in banks.source.items()}
    means[TEXT] = centroid(source)
    return Lesson(centred(source, means[TEXT]), centred(target, centroid(target)), means)


def enhanced(texts: Vectors, bank: Vectors, *, sharpness: float = SHARPNESS) -> Vectors:
    """For each text (n, d) what a bank (m, d) of another modality holds of it: unit rows (n, d).

    The bank's mean, weighted by the softmax of standardised similarities: the semantic enhancement
    of C-MCR (Wang et al., "Connecting Multi-modal Contrastive Representations", NeurIPS 2023), with
    a temperature that does not depend on how a model scales its similarities.
    """
    similarities = texts @ bank.T
    spread = similarities.std(axis=1, keepdims=True) + 1e-6
    scores = sharpness * (similarities - similarities.max(axis=1, keepdims=True)) / spread
    weights = np.exp(scores)
    return unit_rows((weights / weights.sum(axis=1, keepdims=True)) @ bank)


def lesson_enhance(
    lesson: Lesson, source: Vectors, target: Vectors, banks: Banks, *, centring: bool
) -> Lesson:
    """``lesson`` with pairs added in which each text is replaced by what the banks hold of it.

    As Ex-MCR (Wang et al., 2023) does it, the target's space stays as it is. ``source`` and
    ``target`` are the texts before centring. A bank of texts adds nothing.
    """
    ours = {TEXT: source} | {
        name: enhanced(source, bank) for name, bank in banks.source.items() if name != TEXT
    }
    theirs = {TEXT: target} | {
        name: enhanced(target, bank) for name, bank in banks.target.items() if name != TEXT
    }
    if centring:
        ours = {name: centred(rows, lesson.means[name]) for name, rows in ours.items()}
        theirs = {
            name: centred(rows, centroid(target if name == TEXT else banks.target[name]))
            for name, rows in theirs.items()
        }
    pairs = [(a, b) for a in ours.values() for b in theirs.values()]
    return Lesson(
        np.concatenate([a for a, _ in pairs]),
        np.concatenate([b for _, b in pairs]),
        lesson.means,
    )


def procrustes_fit(lesson: Lesson) -> Bridge:
    """The rotation that brings the pairs nearest (Schoenemann 1966); between unequal dimensions the
    partial isometry that does.
    """  # noqa: D205  (one sentence)
    left, _, right = np.linalg.svd(lesson.source.T @ lesson.target, full_matrices=False)
    return _linear("procrustes", left @ right, np.zeros(lesson.dimensions[1]), lesson.means)


def ridge_fit(lesson: Lesson, *, strength: float = RIDGE, method: Method = "ridge") -> Bridge:
    """Least squares with a ridge of ``strength`` times the mean variance of a source dimension.

    A ridge is what Gaussian noise on the source comes to in the limit (Bishop 1995), so it also
    prepares for vectors beside the texts, as the noise in C-MCR does. The offset is not shrunk.
    """
    source, target = lesson.source.astype(np.float64), lesson.target.astype(np.float64)
    middle, aim = source.mean(0), target.mean(0)
    gram = (source - middle).T @ (source - middle) / len(source)
    ridge = strength * np.trace(gram) / len(gram) * np.eye(len(gram))
    linear = np.linalg.solve(gram + ridge, (source - middle).T @ (target - aim) / len(source))
    return _linear(method, linear, aim - middle @ linear, lesson.means)


def _linear(
    method: Method,
    linear: npt.NDArray[np.floating[Any]],
    offset: npt.NDArray[np.floating[Any]],
    means: Mapping[str, Vectors],
) -> Bridge:
    return Bridge(
        method=method,
        linear=np.ascontiguousarray(linear, dtype=np.float32),
        offset=np.asarray(offset, dtype=np.float32),
        means=dict(means),
    )
