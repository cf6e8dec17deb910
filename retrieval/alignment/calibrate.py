"""The nine calibrations of a bundle of text, image and audio towers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.alignment.calibration_fit import Fit, Judged, calibration_fit, judged_top
from retrieval.alignment.calibration_sets import (
    LIKE,
    TOPIC,
    Sets,
    Things,
    right_answers,
    sets_make,
    sound_photo_answers,
)
from retrieval.encoders.base import Encoder, Vectors

Answers = npt.NDArray[np.bool_]
Bank = dict[str, Vectors]


def reference_bank(sets: Sets, *, size: int, seed: int) -> Bank:
    """Reference vectors by modality, at most ``size`` each, from the calibration galleries."""
    rng = np.random.default_rng(seed)
    pools = {
        "text": np.concatenate(
            [sets.captions.vectors, sets.sound_texts.vectors, sets.notes.vectors]
        ),
        "image": sets.photos.vectors,
        "audio": np.concatenate([sets.sounds.vectors, sets.sound_queries.vectors]),
    }
    return {name: rows[rng.permutation(len(rows))[:size]] for name, rows in pools.items()}


def _cases(sets: Sets) -> dict[tuple[str, str], list[tuple[Vectors, Vectors, Answers]]]:
    """(query modality, target modality) → (queries, gallery, right answers), one or more sets."""
    texts = _joined(_joined(sets.captions, sets.sound_texts), sets.notes)
    heard_seen = sound_photo_answers(sets.sound_queries, sets.photos)
    seen_heard = sound_photo_answers(sets.sounds, sets.photo_queries).T
    prompts = _only_prompts(sets.sound_texts)

    def case(
        queries: Things, gallery: Things, *, like: float = LIKE
    ) -> tuple[Vectors, Vectors, Answers]:
        return queries.vectors, gallery.vectors, right_answers(queries, gallery, like=like)

    return {
        ("text", "text"): [
            case(sets.caption_queries, texts, like=TOPIC),
            case(sets.short_queries, texts, like=TOPIC),
            case(sets.note_queries, texts, like=TOPIC),
        ],
        ("text", "image"): [
            case(sets.caption_queries, sets.photos),
            case(sets.short_queries, sets.photos),
        ],
        ("text", "audio"): [_apart(prompts, sets.sounds)],
        ("image", "text"): [case(sets.photo_queries, texts)],
        ("image", "image"): [case(sets.photo_queries, sets.photos)],
        ("image", "audio"): [(sets.photo_queries.vectors, sets.sounds.vectors, seen_heard)],
        ("audio", "text"): [_apart(sets.sound_queries, texts)],
        ("audio", "image"): [(sets.sound_queries.vectors, sets.photos.vectors, heard_seen)],
        ("audio", "audio"): [_apart(sets.sound_queries, sets.sounds)],
    }


def _apart(queries: Things, gallery: Things) -> tuple[Vectors, Vectors, Answers]:
    right = np.array([[q == g for g in gallery.topic] for q in queries.topic])
    return queries.vectors, gallery.vectors, right


def _joined(first: Things, second: Things) -> Things:
    return Things(
        np.concatenate([first.vectors, second.vectors]),
        first.topic + second.topic,
        np.concatenate([first.said, second.said]),
        first.words + second.words,
    )


def _only_prompts(texts: Things) -> Things:
    rows = [i for i, topic in enumerate(texts.topic) if topic.startswith("sound ")]
    return Things(
        texts.vectors[rows],
        [texts.topic[i] for i in rows],
        texts.said[rows],
        [texts.words[i] for i in rows],
    )


def _without(answers: Answers, share: float, seed: int) -> Answers:
    """A mask (queries, targets) of what stays in the gallery for each query.

    For every ``1/share``-th query that has an answer all its right answers are taken away, so that
    queries that are well formed but unanswerable are learnt from too.
    """
    rng = np.random.default_rng(seed)
    taken = answers.any(1) & (rng.random(len(answers)) < share)
    stays: Answers = ~(answers & taken[:, None])
    return stays


def calibrations_fit(sets: Sets, bank: Bank, *, seed: int) -> dict[tuple[str, str], Fit]:
    """One fit for each pair of modalities."""
    fits = {}
    for (asked, target), cases in _cases(sets).items():
        judged: list[Judged] = []
        for queries, gallery, right in cases:
            there = _without(right, 0.25, seed)
            similarities = np.where(there, queries @ gallery.T, -1.0)
            judged += judged_top(similarities, right & there, queries @ bank[target].T)
            nothing = sets.nothing[asked]
            none = np.zeros((len(nothing), len(gallery)), dtype=bool)
            judged += judged_top(nothing @ gallery.T, none, nothing @ bank[target].T, hopeless=True)
        order = np.random.default_rng(seed).permutation(len(judged))
        fits[asked, target] = calibration_fit([judged[i] for i in order])
    return fits


def calibration_json(fits: dict[tuple[str, str], Fit]) -> dict[str, Any]:
    """The content of ``calibration.json``."""
    return {
        "version": 1,
        "pairs": [
            {
                "query_modality": asked,
                "target_modality": target,
                "parameters": fit.calibration.to_json(),
                "fitted_on": f"{fit.queries} queries, {fit.unanswerable} of them without an "
                f"answer, {fit.right_hits} right hits",
                "ece": round(fit.ece, 4),
                "answerable_kept": round(fit.answerable_kept, 4),
                "unanswerable_held": round(fit.unanswerable_held, 4),
                "hopeless_held": round(fit.hopeless_held, 4),
            }
            for (asked, target), fit in fits.items()
        ],
    }


def calibrate(
    towers: dict[str, Encoder], image: dict[str, Any], audio: dict[str, Any], data: Path
) -> tuple[dict[str, Any], Bank]:
    """``calibration.json`` and the reference bank of a bundle's towers."""
    sets = sets_make(towers, image, audio, data)
    bank = reference_bank(sets, size=256, seed=image["seed"])
    return calibration_json(calibrations_fit(sets, bank, seed=image["seed"])), bank
