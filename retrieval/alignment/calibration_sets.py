"""Galleries and queries that calibration is fitted on.

Right answers and queries were not trained on: the photos of flickr8k-train, clothing and flowers
that the image recipe holds out, and the part of ESC-50 folds 1 to 3 that the audio recipe holds
out, with varied versions of it. What stands beside them in a gallery, and the reference banks, are
other photos and clips of the same sources.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.alignment.calibration_photos import Photos, photos_make
from retrieval.alignment.calibration_sounds import Sounds, sounds_make
from retrieval.alignment.calibration_texts import (
    OUTSIDE,
    content_words,
    notes_read,
    short_query,
)
from retrieval.alignment.hopeless_texts import hopeless_texts
from retrieval.alignment.sounds import SPEC
from retrieval.alignment.things import Things
from retrieval.bridge_texts import Caption, default_captions
from retrieval.encoders.base import Encoder, Vectors

Encode = Callable[[list[Any]], Vectors]
NOTE_QUERIES = 3
NONSENSE_EACH = 30
NEUTRAL = 128  # of either kind, in the banks of texts
_NOISE = 20


@dataclass(frozen=True)
class Sets:
    """Everything the nine pairs are fitted on. ``nothing`` are queries without any answer.

    ``banks`` are the reference vectors, by name; nothing in them is asked or found elsewhere.
    ``outside``: texts about what neither photos nor sounds hold.
    """

    photos: Photos
    sounds: Sounds
    notes: Things
    note_queries: Things
    nothing: dict[str, Things]
    outside: Things
    banks: dict[str, Vectors]


def sets_make(
    towers: dict[str, Encoder], image: dict[str, Any], audio: dict[str, Any], data: Path
) -> Sets:
    """Galleries, queries and banks, embedded by the bundle's own towers."""
    rng = np.random.default_rng(image["seed"])
    text = towers["text"].encode
    photos = photos_make(towers, image, data, rng)
    notes, note_queries, note_bank = _notes(text, image, data, rng)
    sounds = sounds_make(towers, audio, data, rng)
    neutral = default_captions()
    kinds = {
        kind: text([one.words for one in neutral if one.kind == kind][:: _every(neutral, kind)])
        for kind in ("seen", "heard")
    }
    seen = np.concatenate([photos.bank_captions, kinds["seen"]])
    heard = np.concatenate([sounds.bank_captions, kinds["heard"]])
    outside = list(OUTSIDE)
    return Sets(
        photos=photos,
        sounds=sounds,
        notes=notes,
        note_queries=note_queries,
        nothing=_nothing(towers, image["seed"]),
        outside=Things.of_texts(outside, text(outside)),
        banks={
            "text": np.concatenate([seen[::2], heard[::3], note_bank]),
            "text-image": seen,
            "text-audio": heard,
            "image": photos.bank,
            "audio": sounds.bank,
        },
    )


def _every(neutral: list[Caption], kind: str) -> int:
    return max(sum(one.kind == kind for one in neutral) // NEUTRAL, 1)


def _nothing(towers: dict[str, Encoder], seed: int) -> dict[str, Things]:
    """What means nothing, by modality: gibberish; noise and plain colours; next to silence."""
    rng = np.random.default_rng(seed)
    known = sorted({word for one in default_captions() for word in content_words(one.words)})
    texts = hopeless_texts(NONSENSE_EACH, seed=seed, words=known)
    size = (64, 64, 3)
    noise = [rng.integers(0, 256, size, dtype=np.uint8) for _ in range(_NOISE)]
    flat = [np.full(size, rng.integers(0, 256, 3), dtype=np.uint8) for _ in range(_NOISE)]
    ramp = np.linspace(0, 1, 64)[:, None, None]
    shade = [
        np.broadcast_to(ramp * rng.integers(40, 256, 3), size).astype(np.uint8)
        for _ in range(_NOISE)
    ]
    # Next to silence. Clicks, tones and louder hiss would not do: they are what keyboards, alarms
    # and rain sound like.
    hush = [
        (level * rng.standard_normal(SPEC.sample_rate)).astype(np.float32)
        for level in np.geomspace(1e-7, 1e-4, 3 * _NOISE)
    ]
    return {
        "text": Things.of_texts(texts, towers["text"].encode(texts)),
        "image": Things.unnamed(towers["image"].encode([*noise, *flat, *shade])),
        "audio": Things.unnamed(towers["audio"].encode(hush)),
    }


def _notes(
    text: Encode, recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> tuple[Things, Things, npt.NDArray[np.float32]]:
    """Texts of other kinds, a few words of each as a query, and some more for the bank."""
    wanted = recipe["calibration"]
    bodies = notes_read(
        [data / name for name in wanted["notes"]], each=wanted["notes_each"], rng=rng
    )
    banked, bodies = bodies[::4], [body for at, body in enumerate(bodies) if at % 4]
    few = [short_query(body, rng) for body in bodies for _ in range(NOTE_QUERIES)]
    own = [i for i in range(len(bodies)) for _ in range(NOTE_QUERIES)]
    topics = [f"note {i}" for i in range(len(bodies))]
    asked = [words for words, _ in few]
    return (
        Things(text(bodies), topics, bodies),
        Things(text(asked), [topics[i] for i in own], asked, keys=tuple(key for _, key in few)),
        text(banked),
    )
