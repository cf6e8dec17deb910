"""Whether an evaluated model says "nothing" where nothing answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval import metrics
from retrieval.calibration import Numbers, PairCalibration, words_in
from retrieval.encoders.base import Vectors
from retrieval.evaluation.calibration_figures import JUDGED, Calibrations
from retrieval.evaluation.cases import Case
from retrieval.evaluation.unanswerable import absent_topics, gibberish

Encode = Callable[[Sequence[str]], Vectors]

EACH = 25  # strings of every kind of gibberish
SEED = 7
_DECIMALS = 2
_POINTS = 21  # of the curve
NOTE = (
    "Answerable: a labelled answer is among the first ten. Labels are incomplete: other things "
    "than the labelled one often answer a description too, so what is held or kept is counted "
    "against the labels, near misses are often fair answers, and risk is an upper bound."
)


@dataclass(frozen=True)
class FirstHits:
    """The best hit of each query: P(relevant) (n,), and how far beyond a match it is (n,)."""

    confidence: Numbers
    margin: Numbers

    @property
    def sure(self) -> npt.NDArray[np.bool_]:
        """Whether the answer is confident: (n,)."""
        found: npt.NDArray[np.bool_] = self.margin >= 0
        return found


def abstention(case: Case, text: Encode, found: Calibrations) -> dict[str, Any]:
    """Which text queries get a confident answer: those of the data, and those nothing answers.

    Gibberish by kind, captions of topics that are not there, and near misses: the same queries with
    their right answers taken out of what is searched. Embeds some 300 texts.
    """
    pair = found.pairs[case.asked, case.target]
    nearest = case.similarities
    answerable = metrics.ranked(nearest, case.right)[:, :JUDGED].any(axis=1)
    own = _first(pair, case, found, nearest, None, None)
    without = np.where(case.right, -1.0, nearest)
    near = _first(
        pair, case, found, without[answerable], case.queries[answerable], _of(case, answerable)
    )
    nonsense = {
        kind: _asked_in_words(pair, case, found, text, texts)
        for kind, texts in gibberish(EACH, seed=SEED).items()
    }
    absent = _asked_in_words(pair, case, found, text, absent_topics(case.target))
    means_nothing = _together(list(nonsense.values()))
    kept = _some(own, answerable)
    return {
        "answerable": int(answerable.sum()),
        "answerable_kept": _share(kept.sure),
        "unanswerable_held": _share(~means_nothing.sure),
        "held_by_kind": {kind: _share(~one.sure) for kind, one in nonsense.items()},
        "absent_held": _share(~absent.sure),
        "auroc_gibberish": auroc(kept.margin, means_nothing.margin),
        "auroc_absent": auroc(kept.margin, absent.margin),
        "auroc_absent_by_confidence": auroc(kept.confidence, absent.confidence),
        "near_misses": {
            "queries": len(near.margin),
            "held": _share(~near.sure),
            "auroc": auroc(kept.margin, near.margin),
        },
        "risk": _share(~answerable[own.sure]),
        "curve": _curve(own, answerable, means_nothing, absent, near),
        "risk_coverage": [
            {"coverage": round(p.coverage, 4), "risk": round(p.risk, 4)}
            for p in metrics.risk_coverage(own.margin, answerable, _POINTS)
        ],
        "note": NOTE,
    }


def auroc(higher: Numbers, lower: Numbers) -> float | None:
    """Chance that one of ``higher`` is above one of ``lower``, ties half; None without either.

    The area under the ROC curve (Mann-Whitney's U over its greatest value).
    """
    if not len(higher) or not len(lower):
        return None
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, side="left")
    upto = np.searchsorted(ordered, higher, side="right")
    return round(float((below + upto).sum() / 2 / len(higher) / len(lower)), 4)


def _first(
    pair: PairCalibration,
    case: Case,
    found: Calibrations,
    similarities: npt.NDArray[np.floating[Any]],
    queries: Vectors | None,
    words: Sequence[int] | None,
) -> FirstHits:
    best = np.round(similarities.max(axis=1).astype(np.float64), _DECIMALS)
    asked = found.asked(case, queries, words)
    rows = [(best[i : i + 1], one) for i, one in enumerate(asked)]
    return FirstHits(
        confidence=np.array([pair.probability(hit, one)[0] for hit, one in rows]),
        margin=np.array([pair.margin(hit, one)[0] for hit, one in rows]),
    )


def _asked_in_words(
    pair: PairCalibration, case: Case, found: Calibrations, text: Encode, texts: Sequence[str]
) -> FirstHits:
    vectors = text(texts)
    words = [words_in(one) for one in texts]
    return _first(pair, case, found, case.targets.nearest(vectors), vectors, words)


def _of(case: Case, which: npt.NDArray[np.bool_]) -> list[int] | None:
    return [n for n, one in zip(case.words, which, strict=True) if one] if case.words else None


def _some(hits: FirstHits, which: npt.NDArray[np.bool_]) -> FirstHits:
    return FirstHits(hits.confidence[which], hits.margin[which])


def _together(several: Sequence[FirstHits]) -> FirstHits:
    return FirstHits(
        np.concatenate([one.confidence for one in several]),
        np.concatenate([one.margin for one in several]),
    )


def _curve(
    own: FirstHits,
    answerable: npt.NDArray[np.bool_],
    nonsense: FirstHits,
    absent: FirstHits,
    near: FirstHits,
) -> list[dict[str, float | None]]:
    """What would be kept and held with the bar moved by ``bar`` log-odds; 0 is where it is.

    ``threshold_share``: the share of the data's queries that get an answer. ``risk``: the share of
    those answers without a right one among the first ten.
    """
    every = np.concatenate([one.margin for one in (own, nonsense, absent, near)])
    bars = np.unique([0.0, *np.quantile(every, np.linspace(0, 1, _POINTS))])
    return [
        {
            "bar": round(float(bar), 3),
            "threshold_share": _share(own.margin >= bar),
            "kept": _share(own.margin[answerable] >= bar),
            "held": _share(nonsense.margin < bar),
            "absent_held": _share(absent.margin < bar),
            "near_misses_held": _share(near.margin < bar),
            "risk": _share(~answerable[own.margin >= bar]),
        }
        for bar in bars
    ]


def _share(flags: npt.NDArray[np.bool_]) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None
