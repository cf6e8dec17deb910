"""Late fusion: from segments that several spaces found to one fair list of assets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Method = Literal["calibrated", "rrf"]
Verdict = Literal["match", "uncertain"]
METHODS: tuple[Method, ...] = ("calibrated", "rrf")
LEXICAL = "lexical"
"""The space of literal matches: no model's."""

# Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
# Learning Methods", SIGIR 2009: the constant that was best in their pilot and is used since.
RRF_K = 60


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One segment that one space found, and how sure that space is of it.

    ``similarity`` is a cosine, or the share of the query's words that are there (space
    ``LEXICAL``, where ``model`` is none); ``calibrated`` is P(relevant), 0 to 1; both are better when higher.
    From ``threshold`` on, ``calibrated`` counts as a match. ``bridge`` names the bridge that
    carried the query into this space, if one did. ``source`` says, as JSON, which calibration the
    probability comes from and what of the query went into it.
    """

    space: str
    model: str | None
    query_modality: str
    target_modality: str
    asset_id: UUID
    segment_id: int
    similarity: float
    calibrated: float
    threshold: float
    weight: float = 1.0
    bridge: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    route: str = ""

    @property
    def matches(self) -> bool:
        """Whether this space calls the segment a match."""
        return self.calibrated >= self.threshold


@dataclass(frozen=True, kw_only=True)
class Fused:
    """One asset: the signal that decided, the best signal of each space, and more that match."""

    asset_id: UUID
    score: float
    best: Signal
    signals: tuple[Signal, ...]
    more_segments: int

    @property
    def confidence(self) -> float:
        """P(relevant) by the signal that decided, 0 to 1."""
        return self.best.calibrated

    @property
    def verdict(self) -> Verdict:
        """``match`` from the threshold on."""
        return "match" if self.best.matches else "uncertain"


def fuse(signals: Iterable[Signal], *, method: Method = "calibrated") -> list[Fused]:
    """Assets, best first; each once, with its best segment.

    ``calibrated`` ranks by the strongest weighted probability among the spaces. A space that did
    not find the asset says nothing, so nothing is averaged. ``rrf`` ranks by the weighted sum of
    1 / (60 + rank) over the lists, one a model and target modality; confidences stay what they are.
    """
    by_asset: dict[UUID, list[Signal]] = {}
    for signal in signals:
        by_asset.setdefault(signal.asset_id, []).append(signal)
    best_of = {asset: _best_by_space(found) for asset, found in by_asset.items()}
    scores = _reciprocal(best_of.values()) if method == "rrf" else {}
    fused = [
        _fused(asset, best_of[asset], found, scores.get(asset)) for asset, found in by_asset.items()
    ]
    return sorted(fused, key=lambda f: (-f.score, -f.best.similarity, f.asset_id))


def _best_by_space(found: Sequence[Signal]) -> tuple[Signal, ...]:
    best: dict[str, Signal] = {}
    for signal in found:
        known = best.get(signal.space)
        if known is None or _order(signal) < _order(known):
            best[signal.space] = signal
    return tuple(best[space] for space in sorted(best))


def _order(signal: Signal) -> tuple[float, float, int]:
    return (-signal.calibrated, -signal.similarity, signal.segment_id)


def _fused(
    asset: UUID, best_of: tuple[Signal, ...], found: Sequence[Signal], score: float | None
) -> Fused:
    best = min(best_of, key=lambda s: (-s.weight * s.calibrated, *_order(s)))
    others = {s.segment_id for s in found if s.space == best.space and s.matches}
    return Fused(
        asset_id=asset,
        score=best.weight * best.calibrated if score is None else score,
        best=best,
        signals=best_of,
        more_segments=len(others - {best.segment_id}),
    )


def _reciprocal(best_of: Iterable[tuple[Signal, ...]]) -> dict[UUID, float]:
    lists: dict[tuple[str | None, str], list[Signal]] = {}
    for signals in best_of:
        for signal in signals:
            lists.setdefault((signal.model, signal.target_modality), []).append(signal)
    scores: dict[UUID, float] = {}
    for found in lists.values():
        for rank, signal in enumerate(sorted(found, key=_order), start=1):
            gain = signal.weight / (RRF_K + rank)
            scores[signal.asset_id] = scores.get(signal.asset_id, 0.0) + gain
    return scores
