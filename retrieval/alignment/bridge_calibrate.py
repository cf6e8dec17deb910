"""How sure a similarity over a bridge is: from labelled pairs, or guessed from texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from retrieval.alignment.bridge_choose import Labelled, TextPairs, bridge_fit, topic_folds
from retrieval.alignment.calibration_fit import (
    Fit,
    Judged,
    calibration_fit,
    judged_top,
)
from retrieval.bridge_fits import Banks
from retrieval.bridge_texts import Kind
from retrieval.bridges import Bridge, Method, Vectors
from retrieval.calibration import Asked

Basis = Literal["labelled", "texts"]
UNANSWERABLE = 0.25  # share of queries whose right answers are taken away, so that none is learnt
BANK = 256


@dataclass(frozen=True)
class BridgedFit:
    """A calibration of one pair of modalities over a bridge, and what it rests on."""

    query_modality: str
    target_modality: str
    basis: Basis
    fit: Fit

    def to_json(self) -> dict[str, Any]:
        """What a bridge's row keeps of it."""
        return {
            "query_modality": self.query_modality,
            "target_modality": self.target_modality,
            "basis": self.basis,
            "parameters": self.fit.calibration.to_json(),
            "fitted_on": f"{self.fit.queries} queries, {self.fit.unanswerable} of them without an "
            f"answer, {self.fit.right_hits} right hits",
            "ece": round(self.fit.ece, 4),
            "answerable_kept": round(self.fit.answerable_kept, 4),
            "unanswerable_held": round(self.fit.unanswerable_held, 4),
        }


def heard_or_seen(modality: str) -> Kind:
    """The kind of caption that describes things of a modality."""
    return "heard" if modality == "audio" else "seen"


def labelled_fit(
    bridge: Bridge, pair: Labelled, bank: Vectors, *, seed: int = 0
) -> BridgedFit | None:
    """From labelled pairs; ``bank`` (m, d2) are the target's reference vectors.

    None where too little is right or wrong to fit a curve on.
    """
    carried = bridge.apply(pair.queries, modality=pair.query_modality)
    judged = _judged(carried, pair, bank, seed)
    if not _enough(judged):
        return None
    fit = calibration_fit(judged)
    return BridgedFit(pair.query_modality, pair.target_modality, "labelled", fit)


def texts_fit(
    texts: TextPairs,
    kinds: Sequence[str],
    banks: Banks,
    *,
    method: Method,
    centring: bool,
    pair: tuple[str, str],
    seed: int = 0,
) -> BridgedFit | None:
    """A guess without labels: captions of things seen and heard stand for pictures and sounds.

    A caption of one kind asks for captions of the other; those of the same thing are right. Each
    fold is asked over a bridge that was learnt from the others. What the towers themselves get
    wrong is not in it, so it is too sure, and search calls nothing a match by it.
    """
    asked, wanted = (heard_or_seen(modality) for modality in pair)
    kind, topic = np.asarray(kinds), np.asarray(texts.topics, dtype=object)
    judged: list[Judged] = []
    for fold in topic_folds(texts.topics, seed=seed):
        bridge = bridge_fit(texts.rows(~fold), banks, method=method, centring=centring)
        queries, gallery = np.nonzero(fold & (kind == asked))[0], np.nonzero(kind == wanted)[0]
        gallery = gallery[fold[gallery]]
        if not len(queries) or not len(gallery):
            continue
        same = topic[queries][:, None] == topic[gallery][None]
        right = same & (queries[:, None] != gallery[None])
        carried = bridge.apply(texts.source[queries], modality="text")
        others = texts.target[np.nonzero(~fold & (kind == wanted))[0]]
        bank = others[np.random.default_rng(seed).permutation(len(others))[:BANK]]
        stand_in = Labelled("text", "text", carried, texts.target[gallery], right)
        judged += _judged(carried, stand_in, bank, seed)
    if not _enough(judged):
        return None
    return BridgedFit(pair[0], pair[1], "texts", calibration_fit(judged))


def _judged(carried: Vectors, pair: Labelled, bank: Vectors, seed: int) -> list[Judged]:
    rng = np.random.default_rng(seed)
    taken = pair.right.any(1) & (rng.random(len(carried)) < UNANSWERABLE)
    there = ~(pair.right & taken[:, None])
    similarities = np.where(there, carried @ pair.gallery.T, -1.0)
    judged = judged_top(
        similarities, pair.right & there, [Asked(bank=bank @ row) for row in carried]
    )
    return [judged[i] for i in rng.permutation(len(judged))]


def _enough(judged: Sequence[Judged]) -> bool:
    """Whether both halves of a cross-fit hold right hits and wrong ones."""
    halves = (judged[0::2], judged[1::2])
    flags = [np.concatenate([j.right for j in half]) for half in halves if half]
    return len(flags) == len(halves) and all(f.any() and not f.all() for f in flags)
