"""The nine calibrations of a bundle of text, image and audio towers.

Right is what the data label as right: a photo for its own captions, for words that its captions
hold all of, and for its class; a caption for its photo and for the other captions of it; a sound
for its label. Other things often answer as well, which nobody labelled, so a probability is that
of being the labelled answer, and too low for "would do".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.alignment.calibration_fit import (
    Fit,
    Judged,
    asked_all,
    calibration_fit,
    judged_top,
)
from retrieval.alignment.calibration_sets import Sets, sets_make
from retrieval.alignment.calibration_sounds import sound_photo_answers
from retrieval.alignment.things import Answers, Things, right_answers
from retrieval.calibration import VERSION
from retrieval.encoders.base import Encoder, Vectors

Bank = dict[str, Vectors]
SMALL = 683  # other photos beside the 317 that are asked for: a gallery of about 1,000
_FEW = 80  # captions of sounds among the texts of a gallery
_ABSENT_WEIGHT = 0.2  # of a caption of another domain beside a string that means nothing


@dataclass(frozen=True)
class Asking:
    """Queries (n) for a gallery (m): which of it is right (n, m); ``nowhere``: none can be.

    ``itself``: the queries are the first things of the gallery, and no answers to themselves.
    """

    queries: Things
    gallery: Vectors
    right: Answers
    weight: float = 1.0
    nowhere: bool = False
    itself: bool = False

    def similarities(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Cosines (n, m); what a query is itself is as far away as can be."""
        found = self.queries.vectors @ self.gallery.T
        if self.itself:
            found[np.arange(len(found)), np.arange(len(found))] = -2.0
        return found


def _none(queries: Things, gallery: Vectors, *, weight: float = _ABSENT_WEIGHT) -> Asking:
    nothing = np.zeros((len(queries), len(gallery)), dtype=bool)
    return Asking(queries, gallery, nothing, weight=weight, nowhere=True)


def _with_answers(queries: Things, gallery: Things) -> Things:
    """The queries whose topic is in the gallery."""
    there = set(gallery.topic)
    return queries.only([i for i, topic in enumerate(queries.topic) if topic in there])


def _among(queries: Things, gallery: Things, **how: Any) -> Asking:
    return Asking(queries, gallery.vectors, right_answers(queries, gallery), **how)


def _cases(sets: Sets) -> dict[tuple[str, str], list[Asking]]:
    """(query modality, target modality) → what is asked of what."""
    photos, sounds = sets.photos, sets.sounds
    large = photos.held.joined(photos.others)
    small = photos.held.joined(photos.others.only(range(SMALL)))
    heard = sounds.varied.joined(sounds.held)
    among = sounds.captions.only(range(_FEW))
    texts = photos.captions.joined(
        photos.other_captions, photos.class_texts, sounds.prompts, among, sets.notes
    )
    fewer = photos.captions.joined(sets.notes, among)
    crops = Things(photos.crops, photos.held.topic, photos.held.words)
    absent = sounds.captions.only(range(_FEW, len(sounds.captions)))
    silent = photos.other_captions.only(range(len(absent)))
    seen_heard = sound_photo_answers(sounds.held, photos.held)
    return {
        ("text", "text"): [
            _among(photos.captions, texts, itself=True),
            _among(photos.short, texts),
            _among(sets.note_queries, texts),
            _among(sets.note_queries, fewer, weight=0.5),
        ],
        ("text", "image"): [
            _among(photos.captions, small),
            _among(photos.captions, large, weight=0.5),
            _among(photos.short, small),
            _among(photos.short, large, weight=0.5),
            _among(photos.classes, small, weight=2.0),
            _none(absent, small.vectors),
            _none(sets.outside, small.vectors, weight=1.0),
        ],
        ("text", "audio"): [
            _among(_with_answers(sounds.prompts, heard), heard),
            _among(_with_answers(sounds.labels, heard), heard),
            _none(silent, heard.vectors),
            _none(sets.outside, heard.vectors, weight=1.0),
        ],
        ("image", "text"): [_among(photos.held, texts), _among(crops, texts, weight=0.5)],
        ("image", "image"): [_among(crops, small), _among(photos.held, large, itself=True)],
        ("image", "audio"): [Asking(photos.held, sounds.held.vectors, seen_heard.T)],
        ("audio", "text"): [_among(heard, sounds.labels), _among(heard, texts)],
        ("audio", "image"): [Asking(sounds.held, photos.held.vectors, seen_heard)],
        ("audio", "audio"): [
            _among(sounds.held, sounds.others),
            _among(sounds.varied, sounds.others, weight=0.3),
        ],
    }


def judged_cases(
    cases: Sequence[Asking], nothing: Things, bank: Bank, pair: tuple[str, str]
) -> list[Judged]:
    """The first hits of everything that is asked, and of what means nothing."""
    found: list[Judged] = []
    for case in cases:
        counts = case.queries.counts if pair[0] == "text" else None
        found += judged_top(
            case.similarities(),
            case.right,
            asked_all(case.queries.vectors, bank, pair, counts),
            hopeless=case.nowhere,
            weight=case.weight,
            groups=case.queries.groups,
        )
    gallery = cases[0].gallery
    counts = nothing.counts if pair[0] == "text" else None
    asked = asked_all(nothing.vectors, bank, pair, counts)
    none = np.zeros((len(nothing), len(gallery)), dtype=bool)
    return found + judged_top(nothing.vectors @ gallery.T, none, asked, nonsense=True)


# Silence is what a clip of next to nothing is like: of two sounds it is no nonsense.
_ALIKE = ("audio", "audio")


def calibrations_fit(sets: Sets) -> dict[tuple[str, str], Fit]:
    """One fit for each pair of modalities."""
    fits = {}
    for pair, cases in _cases(sets).items():
        nothing = sets.nothing[pair[0]]
        lost = nothing.only([]) if pair == _ALIKE else nothing
        fits[pair] = calibration_fit(judged_cases(cases, lost, sets.banks, pair))
    return fits


def calibration_json(fits: dict[tuple[str, str], Fit]) -> dict[str, Any]:
    """The content of ``calibration.json``."""
    return {
        "version": VERSION,
        "pairs": [
            {
                "query_modality": asked,
                "target_modality": target,
                "parameters": fit.calibration.to_json(),
                "fitted_on": f"{fit.queries} queries, {fit.unanswerable} of them without an "
                f"answer, {fit.right_hits} right hits",
                "form": fit.form,
                "log_loss": fit.log_loss,
                "ece": round(fit.ece, 4),
                **{name: _known(getattr(fit, name)) for name in _SHARES},
            }
            for (asked, target), fit in fits.items()
        ],
    }


_SHARES = ("answerable_kept", "unanswerable_held", "hopeless_held", "nonsense_held")


def _known(share: float) -> float | None:
    """A share, or None where there was nothing to count."""
    return None if np.isnan(share) else round(share, 4)


def calibrate(
    towers: dict[str, Encoder], image: dict[str, Any], audio: dict[str, Any], data: Path
) -> tuple[dict[str, Any], Bank]:
    """``calibration.json`` and the reference bank of a bundle's towers."""
    sets = sets_make(towers, image, audio, data)
    return calibration_json(calibrations_fit(sets)), sets.banks
