"""Which way of learning a bridge is best, by measurement on what was held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.bridge_fits import (
    Banks,
    enhanced,
    lesson_enhance,
    lesson_make,
    procrustes_fit,
    ridge_fit,
)
from retrieval.bridges import METHODS, Bridge, Method, Vectors
from retrieval.metrics import mean_reciprocal_rank, precision_at, ranked

Flags = npt.NDArray[np.bool_]
FOLDS = 3
TOP = 10


@dataclass(frozen=True)
class TextPairs:
    """The same texts in two spaces: unit rows (n, d1) and (n, d2); ``topics`` (n,) of each."""

    source: Vectors
    target: Vectors
    topics: Sequence[str]

    def rows(self, which: npt.NDArray[Any]) -> TextPairs:
        """Some of them."""
        topics = np.asarray(self.topics, dtype=object)[which]
        return TextPairs(self.source[which], self.target[which], list(topics))


@dataclass(frozen=True)
class Labelled:
    """Vectors of a source modality, vectors of a target modality, and which answers which.

    ``queries`` (q, d1), ``gallery`` (g, d2), ``right`` (q, g).
    """

    query_modality: str
    target_modality: str
    queries: Vectors
    gallery: Vectors
    right: Flags

    @property
    def chance(self) -> float:
        """Precision of answers drawn blindly."""
        return float(self.right.mean())

    @property
    def ceiling(self) -> float:
        """Precision at ``TOP`` of perfect answers: a query may have fewer right ones than that."""
        return float(np.minimum(self.right.sum(axis=1), TOP).mean() / TOP)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One way of learning the bridge, and how it did; higher is better.

    ``texts_mrr`` is the mean reciprocal rank at which held-out texts find themselves among all
    held-out texts; ``banks_mrr`` that at which what the source's banks hold of a text finds what
    the target's hold of one of its topic, None without banks on both sides; ``pairs`` the precision
    at 10 by pair of modalities, where labels are at hand.
    """

    method: Method
    centred: bool
    texts_mrr: float
    banks_mrr: float | None
    pairs: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Its figures, rounded."""
        pairs = {name: round(value, 4) for name, value in self.pairs.items()}
        return {
            "method": self.method,
            "centred": self.centred,
            "texts_mrr": round(self.texts_mrr, 4),
            "banks_mrr": None if self.banks_mrr is None else round(self.banks_mrr, 4),
            "pairs": pairs,
        }

    @property
    def score(self) -> tuple[float, float, float]:
        """What the choice goes by: labelled pairs where there are any, then banks, then texts.

        Texts come last because they do not show whether a bridge holds for anything but texts.
        """
        labelled = float(np.mean(list(self.pairs.values()))) if self.pairs else 0.0
        return labelled, self.banks_mrr or 0.0, self.texts_mrr


def bridge_fit(
    texts: TextPairs, banks: Banks, *, method: Method, centring: bool, seed: int = 0
) -> Bridge:
    """One bridge. ``mlp`` and ``cmcr`` are trained with torch, the others have closed forms."""
    lesson = lesson_make(texts.source, texts.target, banks, centring=centring)
    if method == "procrustes":
        return procrustes_fit(lesson)
    if method == "ridge":
        return ridge_fit(lesson)
    if method in ("enhanced", "cmcr"):
        lesson = lesson_enhance(lesson, texts.source, texts.target, banks, centring=centring)
    if method == "enhanced":
        return ridge_fit(lesson, method=method)
    from retrieval.alignment.bridge_train import mlp_fit

    return mlp_fit(lesson, method=method, seed=seed)


def texts_mrr(bridge: Bridge, texts: TextPairs) -> float:
    """How well texts find themselves over the bridge: mean reciprocal rank, 1 is best."""
    carried = bridge.apply(texts.source, modality="text")
    return mean_reciprocal_rank(ranked(carried @ texts.target.T, np.eye(len(carried), dtype=bool)))


def banks_mrr(bridge: Bridge, texts: TextPairs, banks: Banks) -> float | None:
    """As ``texts_mrr`` for what the banks hold of the texts, which needs no labels; or None.

    Right is whatever belongs to a text of the same topic.
    """
    topic = np.asarray(texts.topics, dtype=object)
    right = topic[:, None] == topic[None]
    scores = []
    for name, bank in banks.source.items():
        if bridge.carries(name):
            carried = bridge.apply(enhanced(texts.source, bank), modality=name)
            for theirs in banks.target.values():
                found = carried @ enhanced(texts.target, theirs).T
                scores.append(mean_reciprocal_rank(ranked(found, right)))
    return float(np.mean(scores)) if scores else None


def pair_precision(bridge: Bridge, pair: Labelled) -> float:
    """Precision at 10 over the bridge, exactly as search compares: inner products."""
    carried = bridge.apply(pair.queries, modality=pair.query_modality)
    return precision_at(ranked(carried @ pair.gallery.T, pair.right), TOP)


def topic_folds(topics: Sequence[str], *, folds: int = FOLDS, seed: int = 0) -> list[Flags]:
    """``folds`` masks (n,) of held-out texts; all texts of a topic are in the same one."""
    names = sorted(set(topics))
    order = np.random.default_rng(seed).permutation(len(names))
    fold = {name: int(place) % folds for name, place in zip(names, order, strict=True)}
    own = np.array([fold[topic] for topic in topics])
    return [own == number for number in range(folds)]


def ways_try(
    texts: TextPairs,
    banks: Banks,
    pairs: Sequence[Labelled] = (),
    *,
    methods: Sequence[Method] = METHODS,
    said: Callable[[Tried], None] = lambda _: None,
    seed: int = 0,
) -> list[Tried]:
    """Every method with and without centring, best first.

    Texts and banks are measured on topics held out of the fit, fold by fold; labelled pairs with
    the bridge of all texts, which knows nothing of them.
    """
    found: list[Tried] = []
    held = topic_folds(texts.topics, seed=seed)
    for method in methods:
        for centring in (False, True):
            known = all(pair.query_modality in banks.source for pair in pairs)
            if centring and not (banks.source and known):
                continue  # the centroid of what would be carried is not known
            scores, of_banks = [], []
            for fold in held:
                bridge = bridge_fit(texts.rows(~fold), banks, method=method, centring=centring)
                scores.append(texts_mrr(bridge, texts.rows(fold)))
                of_banks.append(banks_mrr(bridge, texts.rows(fold), banks))
            known_banks = [score for score in of_banks if score is not None]
            whole = bridge_fit(texts, banks, method=method, centring=centring, seed=seed)
            found.append(
                Tried(
                    method=method,
                    centred=centring,
                    texts_mrr=float(np.mean(scores)),
                    banks_mrr=float(np.mean(known_banks)) if known_banks else None,
                    pairs={
                        f"{p.query_modality}-{p.target_modality}": pair_precision(whole, p)
                        for p in pairs
                    },
                )
            )
            said(found[-1])
    return sorted(found, key=lambda tried: tried.score, reverse=True)


def without_bridge(pair: Labelled, *, seed: int | None = None) -> float:
    """Precision at 10 with no bridge: coordinates compared as they are, missing ones as 0.

    With ``seed``: after a random rotation, so that no coordinate happens to mean the same.
    """
    d1, d2 = pair.queries.shape[1], pair.gallery.shape[1]
    linear = np.eye(d1, d2, dtype=np.float32)
    if seed is not None:
        drawn = np.random.default_rng(seed).normal(size=(max(d1, d2), max(d1, d2)))
        linear = np.linalg.qr(drawn)[0][:d1, :d2].astype(np.float32)
    none = Bridge("procrustes", linear, np.zeros(d2, np.float32))
    return pair_precision(none, pair)
