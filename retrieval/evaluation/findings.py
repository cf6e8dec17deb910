"""What an evaluation says against a model: the rule of promotion, finding by finding. Pure.

A finding that ``gates`` keeps a model from being promoted unless somebody overrules it with a
reason, which is recorded. The bounds:

- ``worse``: a pair falls against the present model, as ``paired`` says;
- ``near-chance``: the lower end of a pair's interval is not twice what chance would find (nor half
  way from chance to 1), so the model does not understand these data;
- ``far-from-known``: half of the data or more lie farther from the model's reference bank than 95 %
  of the bank lies from itself (``shift``): they are unlike what it was made and calibrated with;
- ``miscalibrated``: the calibration error is above 0.10, and more than 0.02 above the present
  model's, where there is one;
- ``uncalibrated``: a pair has no calibration, so nothing found by it is ever a confident match;
- ``too-few``: no pair has 20 queries, so nothing can be said;
- ``task-not-met`` and ``task-not-measured``: what a collection declared to be good enough
  (``tasks``) is not reached, or was not measured since it was declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Case
from retrieval.evaluation.paired import Figure, Interval, PairComparison, chance, interval, scores
from retrieval.evaluation.shift import FAR, far_share

LEAST_QUERIES = 20
MOST_CALIBRATION_ERROR = 0.10
_CALIBRATION_TOLERANCE = 0.02
_TIMES_CHANCE = 2


@dataclass(frozen=True)
class Finding:
    """One thing to know about a model on some data; ``detail`` is a sentence of numbers only."""

    code: str
    where: str  # a pair of modalities, a modality, or empty
    detail: str
    gates: bool = True

    def to_json(self) -> dict[str, Any]:
        """What is kept of it in an evaluation's result."""
        return {
            "code": self.code,
            "where": self.where,
            "detail": self.detail,
            "gates": self.gates,
        }


def compared(comparisons: Sequence[PairComparison]) -> list[Finding]:
    """Where the candidate is worse than the present model."""
    return [
        Finding(
            "worse",
            one.pair,
            f"{one.figure} {one.candidate.value:.3f} against {one.present.value:.3f}, "
            f"{one.difference.value:+.3f} "
            f"({one.difference.low:+.3f} to {one.difference.high:+.3f}).",
        )
        for one in comparisons
        if one.verdict == "worse"
    ]


def own_figures(case: Case, figure: Figure) -> tuple[Interval, float]:
    """The primary figure of one pair with its interval, and what chance would reach."""
    found = scores(case.similarities, case.right, figure)
    return interval(found, case.groups.tolist()), round(chance(case.right, figure), 4)


def understood(case: Case, figure: Figure) -> list[Finding]:
    """Whether retrieval is near chance on one pair."""
    own, by_chance = own_figures(case, figure)
    if own.low >= min(_TIMES_CHANCE * by_chance, (1 + by_chance) / 2):
        return []
    detail = f"{figure} {own.value:.3f} ({own.low:.3f} to {own.high:.3f}), chance {by_chance:.3f}."
    return [Finding("near-chance", case.name, detail)]


def known(modality: str, vectors: Any, found: Calibrations | None) -> list[Finding]:
    """Whether data of one modality are far from the model's reference bank."""
    bank = None if found is None else found.bank.get(modality)
    share = None if bank is None else far_share(np.asarray(vectors, np.float32), bank)
    if share is None or share < FAR:
        return []
    detail = f"{share:.0%} of the data are farther from what the model knows than 95 % of that is."
    return [Finding("far-from-known", modality, detail)]


def calibrated(
    cases: Sequence[Case],
    found: Calibrations | None,
    *,
    error: float | None,
    present: float | None,
) -> list[Finding]:
    """Whether probabilities are there for every pair, and mean what they say."""
    missing = [case.name for case in cases if found is None or found.of(case) is None]
    findings = [
        Finding("uncalibrated", name, "No calibration: never a confident match.")
        for name in missing
    ]
    worse_than_now = present is None or (error or 0.0) > present + _CALIBRATION_TOLERANCE
    if error is not None and error > MOST_CALIBRATION_ERROR and worse_than_now:
        said = "" if present is None else f", {present:.3f} now"
        findings.append(Finding("miscalibrated", "", f"Calibration error {error:.3f}{said}."))
    return findings


def enough(cases: Sequence[Case]) -> list[Finding]:
    """Whether there were queries enough to say anything."""
    most = max((len(case.queries) for case in cases), default=0)
    if most >= LEAST_QUERIES:
        return []
    return [Finding("too-few", "", f"At most {most} queries a pair; {LEAST_QUERIES} are needed.")]


def ece_of(result: Mapping[str, Any]) -> float | None:
    """The calibration error in a result, if it has one."""
    value = result.get("calibration", {}).get("ece")
    return None if value is None else float(value)
