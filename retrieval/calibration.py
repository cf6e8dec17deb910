"""How likely a hit is right, given its similarity, its query and the pair of modalities.

Similarities of two pairs, or of two queries, cannot be compared. Fixed banks of reference vectors
(part of the bundle, never an organisation's data) say what a similarity means for one query, and
how much the query is like anything that is ever asked; a curve fitted on judged hits turns that
into a probability. What a collection holds, hidden or not, never moves a score. Pure numpy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Cosines = npt.NDArray[np.floating[Any]]

VERSION = 2
HIT_FEATURES = ("z", "similarity")
QUERY_FEATURES = ("peak", "familiar", "foreign", "short")
FEATURES = (*HIT_FEATURES, *QUERY_FEATURES)
_FIRST_FEATURES = ("z", "similarity", "peak")  # of version 1
_SMALLEST_SPREAD = 1e-3
_PEAK_QUANTILE = 0.99
NEAREST = 8  # of the query's own modality: how familiar it is
# A query of so many words or fewer describes a kind of thing, one of so many or more a single one.
_SHORT, _LONG = 3, 7
# So much of a stepped curve is a logistic one, so that no two similarities are worth the same.
_SMOOTH = 0.02
# A query at the brink of a match is answerable with probability 0.73, one well beyond it surely.
_GATE_STEEP, _GATE_SHIFT = 2.0, 1.0
_REACH = 1.01  # similarities lie within
_WORD = re.compile(r"\w+")


class CalibrationError(ValueError):
    """Parameters that cannot be used."""


@dataclass(frozen=True)
class Asked:
    """What is known of a query besides its hits; none of it is anybody's data.

    ``bank`` (m,): its cosines to the reference vectors of the target modality. ``own`` (k,): those
    to the reference vectors of its own modality, or, of texts, to those that describe the target
    modality. ``other`` (j,): those to texts that describe another. ``words``: how many it has,
    none where it is no text.
    """

    bank: Cosines
    own: Cosines | None = None
    other: Cosines | None = None
    words: int | None = None

    @cached_property
    def mean(self) -> float:
        """Mean cosine to the bank."""
        return float(np.mean(self.bank, dtype=np.float64))

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the cosines to the bank, never 0."""
        return max(float(np.std(self.bank, dtype=np.float64)), _SMALLEST_SPREAD)

    @cached_property
    def features(self) -> Numbers:
        """``QUERY_FEATURES``: float64 (4,).

        ``peak``: the bank's 99th percentile in standard deviations above its mean; low for a query
        that fits nothing in particular. ``familiar``: the mean of the ``NEAREST`` cosines to its
        own modality; low for what is like nothing known. ``foreign``: that to texts about another
        modality; high for what asks for sounds among pictures. ``short``: 1 for up to three words,
        0 from seven on: the longer a description, the fewer things it fits.
        """
        peak = (_quantile(self.bank, _PEAK_QUANTILE) - self.mean) / self.spread
        words = _LONG if self.words is None else self.words
        short = min(max((_LONG - words) / (_LONG - _SHORT), 0.0), 1.0)
        return np.array([peak, _nearness(self.own), _nearness(self.other), short])

    def explained(self) -> dict[str, float]:
        """What a record keeps of it: enough to work out a probability, or to fit a curve, again."""
        named = dict(zip(QUERY_FEATURES, self.features.tolist(), strict=True))
        return {
            name: round(value, 5)
            for name, value in {"mean": self.mean, "spread": self.spread, **named}.items()
        }


def features(similarities: Cosines, asked: Asked) -> Numbers:
    """Features of each similarity: float64 (n, 6), columns as ``FEATURES``.

    ``z`` is the similarity in standard deviations above the mean of the query's similarities to
    the reference bank; the last four are the query's, the same in every row.
    """
    found = np.asarray(similarities, dtype=np.float64)
    z = (found - asked.mean) / asked.spread
    rest = np.broadcast_to(asked.features, (*found.shape, len(QUERY_FEATURES)))
    return np.concatenate([np.stack([z, found], axis=-1), rest], axis=-1)


def asked_of(
    query: npt.NDArray[Any],
    banks: Mapping[str, npt.NDArray[Any]],
    pair: tuple[str, str],
    words: int | None = None,
) -> Asked:
    """What is known of a query (d,), by the reference vectors ``banks`` of its model.

    ``pair``: query and target modality. Banks are named by modality; ``text-image`` holds texts
    that describe pictures, and is the own bank of a text that looks for pictures.
    """
    asked, target = pair
    described = f"{asked}-{target}"
    mine = banks.get(described, banks.get(asked))
    others = [
        rows @ query
        for name, rows in banks.items()
        if described in banks and name.startswith(f"{asked}-") and name != described
    ]
    return Asked(
        bank=banks[target] @ query,
        own=None if mine is None else mine @ query,
        other=np.concatenate(others) if others else None,
        words=words,
    )


def _quantile(values: Cosines, share: float) -> float:
    """As ``np.quantile``, in a fraction of its time: every search asks it several times."""
    ordered = np.sort(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (place - below) * (high - low)


def _nearness(cosines: Cosines | None) -> float:
    if cosines is None or not len(cosines):
        return 0.0
    nearest = np.sort(cosines)[-NEAREST:]
    return float(nearest.sum(dtype=np.float64)) / len(nearest)


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
        """Score of each row of features (n, 6): (n,)."""
        found: Numbers = rows @ np.asarray(self.weights) + self.bias
        return found

    def crossing(self, asked: Asked) -> float:
        """The similarity from which the score is 0 or more, within -1.01 to 1.01."""
        z, similarity, *rest = self.weights
        slope = z / asked.spread + similarity
        level = self.bias - z * asked.mean / asked.spread + float(asked.features @ np.array(rest))
        if slope <= 0:
            return -_REACH if level >= 0 else _REACH
        return min(max(-level / slope, -_REACH), _REACH)

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

    Logistic in ``line`` (Platt 1999), times how likely it is that the query is one that anything
    could answer, by ``match``: a line of its own, on which a hit counts as a match from ``bar`` on.
    With ``knots`` (log-odds, probability) a rising curve through them comes after (isotonic
    regression, Zadrozny and Elkan 2002), and then ``slope`` and ``by``, which a collection's
    feedback may set. Without ``match`` a hit is a match from ``threshold`` on.
    """

    line: Line
    threshold: float
    match: Line | None = None
    knots: tuple[tuple[float, float], ...] = ()
    slope: float = 1.0
    by: float = 0.0
    bar: float = 0.0

    def __post_init__(self) -> None:
        """Checks the curve.

        Raises:
            CalibrationError: it falls, or something is not finite.
        """
        if not np.isfinite([self.threshold, self.slope, self.by, self.bar]).all():
            raise CalibrationError("calibration parameters are not finite")
        if self.slope <= 0:
            raise CalibrationError("a calibration must rise with the similarity")
        if not self.knots:
            return
        at, p = np.array(self.knots, dtype=np.float64).T
        if not np.isfinite([*at, *p]).all() or (np.diff(at) <= 0).any() or (np.diff(p) < 0).any():
            raise CalibrationError("a calibration must rise with the similarity")
        if p[0] < 0 or p[-1] > 1:
            raise CalibrationError("a probability is not within 0 and 1")

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
                    match=None if match is None else Line.from_json(match),
                    knots=tuple((float(at), float(p)) for at, p in parameters["knots"]),
                    slope=float(parameters["slope"]),
                    by=float(parameters["by"]),
                    bar=float(parameters["bar"]),
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
            "match": None if self.match is None else self.match.to_json(),
            "knots": [[at, p] for at, p in self.knots],
            "slope": self.slope,
            "by": self.by,
            "bar": self.bar,
            "threshold": self.threshold,
        }

    def probability(self, similarities: Cosines, asked: Asked) -> Numbers:
        """P(relevant) of each hit: float64 (n,) in 0..1, for cosines (n,) of one query to them."""
        return self.judged(features(similarities, asked))

    def judged(self, rows: Numbers) -> Numbers:
        """P(relevant) of each row of features (n, 6): float64 (n,) in 0..1."""
        said = logistic(self.line.scores(rows))
        if self.match is not None:
            said = said * answerable(self.match.scores(rows))
        if self.knots:
            at, p = np.array(self.knots, dtype=np.float64).T
            said = (1 - _SMOOTH) * np.interp(logit(said), at, p) + _SMOOTH * said
        if (self.slope, self.by) != (1.0, 0.0):
            said = logistic(self.slope * logit(said) + self.by)
        return said

    def least(self, asked: Asked) -> float:
        """The probability from which a hit of this query counts as a match.

        No hit of a query that nothing could answer reaches it.
        """
        if self.match is None:
            return self.threshold
        crossing = replace(self.match, bias=self.match.bias - self.bar).crossing(asked)
        if crossing >= _REACH:
            return 1.0
        return float(self.probability(np.array([crossing]), asked)[0])

    def margin(self, similarities: Cosines, asked: Asked) -> Numbers:
        """How far each hit is beyond what makes a match: (n,), in log-odds; from 0 on it is one."""
        if self.match is not None:
            return self.match.scores(features(similarities, asked)) - self.bar
        found: Numbers = logit(self.probability(similarities, asked)) - logit(
            np.array(self.threshold)
        )
        return found

    def shifted(self, *, slope: float, by: float, bar_by: float) -> PairCalibration:
        """This one with log-odds ``slope`` times as steep and ``by`` higher, the bar ``bar_by``."""
        return replace(
            self, slope=slope * self.slope, by=slope * self.by + by, bar=self.bar + bar_by
        )


def answerable(margins: Numbers) -> Numbers:
    """How likely a query with hits of these margins is one that anything could answer: (n,)."""
    return logistic(_GATE_STEEP * margins + _GATE_SHIFT)
