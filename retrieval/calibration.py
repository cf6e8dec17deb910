"""How likely a hit is right, given its similarity, its query and the pair of modalities.

Similarities of two pairs, or of two queries, cannot be compared. Fixed banks of reference vectors
(part of the bundle, never an organisation's data) say what a similarity means for one query, and
how much the query is like anything that is ever asked; a curve fitted on judged hits turns that
into a probability. What a collection holds, hidden or not, never moves a score. Pure numpy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Cosines = npt.NDArray[np.floating[Any]]

VERSION = 2
HIT_FEATURES = ("z", "similarity")
QUERY_FEATURES = ("peak", "familiar", "words")
FEATURES = (*HIT_FEATURES, *QUERY_FEATURES)
_FIRST_FEATURES = ("z", "similarity", "peak")  # of version 1
_SMALLEST_SPREAD = 1e-3
_PEAK_QUANTILE = 0.99
NEAREST = 8  # of the query's own modality: how familiar it is
_MOST_WORDS = 12
# So much of a stepped curve is a logistic one, so that no two similarities are worth the same.
_SMOOTH = 0.02
_REACH = 1.01  # similarities lie within
_WORD = re.compile(r"\w+")


class CalibrationError(ValueError):
    """Parameters that cannot be used."""


@dataclass(frozen=True)
class Asked:
    """What is known of a query besides its hits; none of it is anybody's data.

    ``bank`` (m,): its cosines to the reference vectors of the target modality. ``own`` (k,): those
    to the reference vectors of its own modality, if there are any. ``words``: how many it has, 0
    if it has none.
    """

    bank: Cosines
    own: Cosines | None = None
    words: int = 0

    @property
    def mean(self) -> float:
        """Mean cosine to the bank."""
        return float(np.mean(self.bank, dtype=np.float64))

    @property
    def spread(self) -> float:
        """Standard deviation of the cosines to the bank, never 0."""
        return max(float(np.std(self.bank, dtype=np.float64)), _SMALLEST_SPREAD)

    @property
    def features(self) -> Numbers:
        """``QUERY_FEATURES``: float64 (3,).

        ``peak``: the bank's 99th percentile in standard deviations above its mean; low for a query
        that fits nothing in particular. ``familiar``: the mean of the ``NEAREST`` cosines to its
        own modality; low for what is like nothing known. ``words``: log(1 + words), at most 12:
        a longer description means fewer things.
        """
        peak = (float(np.quantile(self.bank, _PEAK_QUANTILE)) - self.mean) / self.spread
        near = np.empty(0) if self.own is None else np.sort(np.asarray(self.own, np.float64))
        familiar = float(near[-NEAREST:].mean()) if len(near) else 0.0
        return np.array([peak, familiar, np.log1p(min(self.words, _MOST_WORDS))])

    def explained(self) -> dict[str, float]:
        """What a record keeps of it: enough to work out a probability, or to fit a curve, again."""
        named = dict(zip(QUERY_FEATURES, self.features.tolist(), strict=True))
        return {
            name: round(value, 5)
            for name, value in {"mean": self.mean, "spread": self.spread, **named}.items()
        }


def features(similarities: Cosines, asked: Asked) -> Numbers:
    """Features of each similarity: float64 (n, 5), columns as ``FEATURES``.

    ``z`` is the similarity in standard deviations above the mean of the query's similarities to
    the reference bank; the last three are the query's, the same in every row.
    """
    found = np.asarray(similarities, dtype=np.float64)
    z = (found - asked.mean) / asked.spread
    rest = np.broadcast_to(asked.features, (*found.shape, len(QUERY_FEATURES)))
    return np.concatenate([np.stack([z, found], axis=-1), rest], axis=-1)


def words_in(text: str) -> int:
    """How many words a text has: runs of letters and digits."""
    return len(_WORD.findall(text))


def logistic(scores: Cosines) -> Numbers:
    """``1 / (1 + exp(-scores))`` without overflow."""
    found: Numbers = 0.5 * (1.0 + np.tanh(np.asarray(scores, dtype=np.float64) / 2.0))
    return found


def logit(probabilities: Cosines) -> Numbers:
    """The inverse of ``logistic``, finite for 0 and 1 as well."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-9, 1 - 1e-9)
    found: Numbers = np.log(p) - np.log1p(-p)
    return found


@dataclass(frozen=True)
class Line:
    """A weighted sum of ``FEATURES``; the weights of ``z`` and ``similarity`` are never negative.

    So of two hits of one query the more similar never gets the lower score.
    """

    weights: tuple[float, ...]
    bias: float

    def scores(self, rows: Numbers) -> Numbers:
        """Score of each row of features (n, 5): (n,)."""
        found: Numbers = rows @ np.asarray(self.weights) + self.bias
        return found

    def crossing(self, asked: Asked) -> float:
        """The similarity from which the score is 0 or more, within -1.01 to 1.01."""
        low, high = self.scores(features(np.array([-_REACH, _REACH]), asked))
        if low >= 0 or high <= low:
            return -_REACH if low >= 0 else _REACH
        return float(np.clip(_REACH * (low + high) / (low - high), -_REACH, _REACH))

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return {"weights": dict(zip(FEATURES, self.weights, strict=True)), "bias": self.bias}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], names: Sequence[str] = FEATURES) -> Line:
        """The line that ``to_json`` wrote; features that are not in ``names`` weigh nothing."""
        given = {name: float(data["weights"][name]) for name in names}
        weights = tuple(given.get(name, 0.0) for name in FEATURES)
        line = cls(weights, float(data["bias"]))
        if not np.isfinite([*line.weights, line.bias]).all():
            raise CalibrationError("calibration parameters are not finite")
        if min(line.weights[: len(HIT_FEATURES)]) < 0:
            raise CalibrationError("a calibration must rise with the similarity")
        return line


@dataclass(frozen=True)
class PairCalibration:
    """P(relevant) from a normalised similarity, for one pair of modalities.

    Logistic in a line (Platt 1999), or, with ``knots`` (score, probability), a rising curve through
    them (isotonic regression of that line's scores, Zadrozny and Elkan 2002). From ``threshold`` on
    a hit counts as a match; where there is ``match``, that line says so, query by query: a hit is a
    match from the similarity on at which it is 0.
    """

    line: Line
    threshold: float
    knots: tuple[tuple[float, float], ...] = ()
    match: Line | None = None
    _steps: tuple[Numbers, Numbers] | None = field(
        init=False, repr=False, compare=False, default=None
    )

    def __post_init__(self) -> None:
        """Checks the curve.

        Raises:
            CalibrationError: it falls, or something is not finite.
        """
        if not np.isfinite(self.threshold):
            raise CalibrationError("calibration parameters are not finite")
        if not self.knots:
            return
        at, p = np.array(self.knots, dtype=np.float64).T
        if not np.isfinite([*at, *p]).all() or (np.diff(at) <= 0).any() or (np.diff(p) < 0).any():
            raise CalibrationError("a calibration must rise with the similarity")
        if p[0] < 0 or p[-1] > 1:
            raise CalibrationError("a probability is not within 0 and 1")
        object.__setattr__(self, "_steps", (at, p))

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any]) -> PairCalibration:
        """The calibration that ``to_json`` wrote, now or in version 1.

        Raises:
            CalibrationError: a part is missing, of another version, or not finite.
        """
        try:
            threshold = float(parameters["threshold"])
            if parameters["version"] == 1:
                return cls(Line.from_json(parameters, _FIRST_FEATURES), threshold)
            if parameters["version"] == VERSION:
                match = parameters["match"]
                return cls(
                    line=Line.from_json(parameters),
                    threshold=threshold,
                    knots=tuple((float(at), float(p)) for at, p in parameters["knots"]),
                    match=None if match is None else Line.from_json(match),
                )
        except CalibrationError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise CalibrationError("calibration parameters are incomplete") from error
        raise CalibrationError(f"calibration version is not 1 or {VERSION}")

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return {
            "version": VERSION,
            **self.line.to_json(),
            "knots": [[at, p] for at, p in self.knots],
            "match": None if self.match is None else self.match.to_json(),
            "threshold": self.threshold,
        }

    def probability(self, similarities: Cosines, asked: Asked) -> Numbers:
        """P(relevant) of each hit: float64 (n,) in 0..1, for cosines (n,) of one query to them."""
        return self.curve(self.line.scores(features(similarities, asked)))

    def curve(self, scores: Numbers) -> Numbers:
        """Probability of each score of the line: (n,), rising."""
        smooth = logistic(scores)
        if self._steps is None:
            return smooth
        found: Numbers = (1 - _SMOOTH) * np.interp(scores, *self._steps) + _SMOOTH * smooth
        return found

    def least(self, asked: Asked) -> float:
        """The probability from which a hit of this query counts as a match.

        No hit of a query that nothing could answer reaches it.
        """
        if self.match is None:
            return self.threshold
        return float(self.probability(np.array([self.match.crossing(asked)]), asked)[0])

    def margin(self, similarities: Cosines, asked: Asked) -> Numbers:
        """How far each hit is beyond what makes a match: (n,), in log-odds; from 0 on it is one."""
        if self.match is not None:
            return self.match.scores(features(similarities, asked))
        found: Numbers = logit(self.probability(similarities, asked)) - logit(
            np.array(self.threshold)
        )
        return found

    def shifted(self, *, slope: float, by: float, match_by: float) -> PairCalibration:
        """This one with log-odds ``slope`` times as steep and ``by`` higher; ``match_by`` likewise.

        ``match_by`` is added to the score of a match. ``slope`` must not be negative.
        """
        weights = tuple(slope * weight for weight in self.line.weights)
        line = Line(weights, slope * self.line.bias + by)
        knots = tuple(
            (slope * at + by, float(logistic(slope * logit(np.array(p)) + by)))
            for at, p in self.knots
        )
        match = self.match and replace(self.match, bias=self.match.bias + match_by)
        return replace(self, line=line, knots=knots, match=match)
