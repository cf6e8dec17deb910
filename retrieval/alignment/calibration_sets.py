"""Galleries and queries that calibration is fitted on; none of them was trained on.

Photos: the parts of flickr8k-train, clothing and flowers that the image recipe holds out. Sounds:
the part of ESC-50 folds 1 to 3 that the audio recipe holds out, and varied versions of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.alignment.anchors import label_words, rows_read
from retrieval.alignment.calibration_texts import (
    OUTSIDE,
    content_words,
    nonsense_texts,
    notes_read,
    short_query,
)
from retrieval.alignment.crops import crop_box
from retrieval.alignment.photos import PhotoSource, photos_list
from retrieval.alignment.sound_texts import captions_read, label_prompts
from retrieval.alignment.sounds import SPEC, clips_list, variant_wave, wave_read
from retrieval.encoders.base import Encoder, Vectors
from retrieval.evaluation.across import named, words_read

Encode = Callable[[list[Any]], Vectors]
LIKE = 0.70  # cosine of two captions from which they are taken to describe the same scene
TOPIC = 0.55  # cosine of two texts from which they are taken to be about the same
NOTE_QUERIES = 3
SOUND_VARIANTS = 4


@dataclass(frozen=True)
class Things:
    """Vectors (n, d) of one modality; ``topic`` (n,) words that say what belongs together.

    ``said`` (n, d) is a text vector describing each, zero where there is none; ``words`` its text.
    """

    vectors: Vectors
    topic: list[str]
    said: Vectors
    words: list[str]
    keys: tuple[frozenset[str], ...] = ()


def right_answers(queries: Things, gallery: Things, *, like: float = LIKE) -> npt.NDArray[np.bool_]:
    """Which of ``gallery`` answers which query.

    Same topic, descriptions that say the same, or a description that holds all words asked for.
    """
    same = np.array([[q == g for g in gallery.topic] for q in queries.topic])
    right: npt.NDArray[np.bool_] = same | (queries.said @ gallery.said.T >= like)
    if queries.keys:
        held = [set(content_words(text)) for text in gallery.words]
        right |= np.array([[bool(key) and key <= have for have in held] for key in queries.keys])
    return right


def sound_photo_answers(sounds: Things, photos: Things) -> npt.NDArray[np.bool_]:
    """(sounds, photos): whether the photo's caption names what makes the sound."""
    labels = [topic.removeprefix("sound ") for topic in sounds.topic]
    return named(labels, photos.words, words_read())


@dataclass(frozen=True)
class Sets:
    """Everything the nine pairs are fitted on. ``nothing`` are queries without any answer."""

    photos: Things
    photo_queries: Things
    captions: Things
    caption_queries: Things
    short_queries: Things
    notes: Things
    note_queries: Things
    sounds: Things
    sound_queries: Things
    sound_texts: Things
    nothing: dict[str, Vectors]


def sets_make(
    towers: dict[str, Encoder], image: dict[str, Any], audio: dict[str, Any], data: Path
) -> Sets:
    """Galleries and queries, embedded by the bundle's own towers."""
    rng = np.random.default_rng(image["seed"])
    photos = _photos(towers, image, data, rng)
    notes = _notes(towers["text"].encode, image, data, rng)
    sounds = _sounds(towers["audio"].encode, towers["text"].encode, audio, data, rng)
    nowhere = [*nonsense_texts(120, seed=image["seed"]), *OUTSIDE]
    noise = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(20)]
    flat = [np.full((64, 64, 3), rng.integers(0, 256, 3), dtype=np.uint8) for _ in range(20)]
    times = np.arange(SPEC.sample_rate) / SPEC.sample_rate
    tones = [
        (0.1 * np.sin(2 * np.pi * hz * times)).astype(np.float32)
        for hz in np.geomspace(60, 8000, 20)
    ]
    nothing = {
        "text": towers["text"].encode(nowhere),
        "image": towers["image"].encode([*noise, *flat]),
        "audio": towers["audio"].encode(tones),
    }
    return Sets(*photos, *notes, *sounds, nothing)


def _notes(
    text: Encode, recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> tuple[Things, Things]:
    """Texts of other kinds, and a few words of each as a query."""
    wanted = recipe["calibration"]
    bodies = notes_read(
        [data / name for name in wanted["notes"]], each=wanted["notes_each"], rng=rng
    )
    few = [short_query(body, rng) for body in bodies for _ in range(NOTE_QUERIES)]
    said = text(bodies)
    topics = [f"note {i}" for i in range(len(bodies))]
    own = [i for i in range(len(bodies)) for _ in range(NOTE_QUERIES)]
    asked = text([words for words, _ in few])
    return (
        Things(said, topics, said, bodies),
        Things(
            asked,
            [topics[i] for i in own],
            said[own],
            [bodies[i] for i in own],
            keys=tuple(key for _, key in few),
        ),
    )


@dataclass(frozen=True)
class _Held:
    """A photo held out: pixels, a crop of it, its topic, and what is said of it."""

    pixels: npt.NDArray[np.uint8]
    crop: npt.NDArray[np.uint8]
    topic: str
    captions: list[str]


def _held_photos(recipe: dict[str, Any], data: Path, rng: np.random.Generator) -> list[_Held]:
    found = []
    for source in recipe["source"]:
        if not source.get("held_out"):
            continue
        name = source["name"]
        captions: dict[str, list[str]] = {}
        for row in rows_read(data / name / source.get("captions", source.get("labels"))):
            said = row.get("caption") or f"a photo of {label_words(row['label'])}"
            captions.setdefault(row["file"], []).append(said)
        source_held = PhotoSource(name, 1, source["held_out"])
        for photo in photos_list(data=data, source=source_held, held_out=True):
            with Image.open(photo.path) as opened:
                image = opened.convert("RGB")
            left, top, right, bottom = (round(side) for side in crop_box(image.size, rng))
            own = captions[photo.path.name]
            found.append(
                _Held(
                    pixels=np.asarray(image),
                    crop=np.asarray(image.crop((left, top, right, bottom))),
                    topic=photo.path.name if "captions" in source else own[0],
                    captions=own,
                )
            )
    return found


def _photos(
    towers: dict[str, Encoder], recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> tuple[Things, Things, Things, Things, Things]:
    """Photos, photo queries, texts, sentence queries, queries of a few words."""
    text, encode = towers["text"].encode, towers["image"].encode
    held = _held_photos(recipe, data, rng)
    topics = [one.topic for one in held]
    said = text([one.captions[0] for one in held])
    whole = [" ".join(one.captions) for one in held]
    vectors = encode([one.pixels for one in held])
    # Every second query is a crop of a photo that is there, the others the photo itself.
    crops = encode([one.crop for one in held])
    asked_photos = np.where(np.arange(len(held))[:, None] % 2 == 0, crops, vectors)
    # One caption of a photo, or some of them as a longer note, is the gallery's text; the last
    # caption is the query.
    notes = [" ".join(one.captions[: 1 + i % 3] or one.captions) for i, one in enumerate(held)]
    asked = [one.captions[-1] for one in held]
    few = [short_query(caption, rng) for caption in asked]
    asked_said = text(asked)
    return (
        Things(vectors, topics, said, whole),
        Things(asked_photos, topics, said, whole),
        Things(text(notes), topics, said, notes),
        Things(asked_said, topics, asked_said, asked),
        Things(
            text([words for words, _ in few]),
            topics,
            asked_said,
            asked,
            keys=tuple(key for _, key in few),
        ),
    )


def _sounds(
    encode: Encode, text: Encode, recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> tuple[Things, Things, Things]:
    clips = clips_list(
        folder=data / recipe["clips"],
        folds=frozenset(recipe["folds"]),
        held_out=recipe["held_out"],
        kept=True,
    )
    waves = [wave_read(clip.path, SPEC.sample_rate) for clip in clips]
    topics = [f"sound {clip.label}" for clip in clips]
    empty = np.zeros((len(clips), 1), dtype=np.float32)
    sounds = Things(encode(waves), topics, empty, topics)
    varied, asked = [], []
    for row in range(len(waves)):
        for turn in range(SOUND_VARIANTS):
            wave, other, _ = variant_wave(waves, row, rng, plain=turn == 0)
            if other == row:
                varied.append(np.ascontiguousarray(wave))
                asked.append(topics[row])
    queries = Things(encode(varied), asked, np.zeros((len(asked), 1), np.float32), asked)
    labels = sorted(
        {
            clip.label
            for clip in clips_list(
                folder=data / recipe["clips"], folds=frozenset(recipe["folds"]), held_out=0.0
            )
        }
    )
    prompts = [
        (prompt, f"sound {label}") for label in labels for prompt in label_prompts(label)[1:]
    ]
    loose = captions_read([data / name for name in recipe["captions"]])
    picked = [loose[i] for i in rng.permutation(len(loose))[:200]]
    every = [*(prompt for prompt, _ in prompts), *picked]
    kinds = [*(topic for _, topic in prompts), *(f"caption {i}" for i in range(len(picked)))]
    vectors = text(every)
    return sounds, queries, Things(vectors, kinds, vectors, every)
