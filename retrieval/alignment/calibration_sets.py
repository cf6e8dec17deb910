"""Galleries and queries that calibration is fitted on; none of them was trained on.

Photos: the parts of flickr8k-train, clothing and flowers that the image recipe holds out. Sounds:
the part of ESC-50 folds 1 to 3 that the audio recipe holds out, and varied versions of it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.alignment.anchors import label_words, rows_read
from retrieval.alignment.calibration_texts import OUTSIDE, nonsense_texts
from retrieval.alignment.crops import crop_box
from retrieval.alignment.photos import PhotoSource, photos_list
from retrieval.alignment.sound_texts import captions_read, label_prompts
from retrieval.alignment.sounds import SPEC, clips_list, variant_wave, wave_read
from retrieval.encoders.base import Encoder, Vectors

Encode = Callable[[list[Any]], Vectors]
LIKE = 0.70  # cosine of two captions from which they are taken to describe the same scene
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


def right_answers(queries: Things, gallery: Things) -> npt.NDArray[np.bool_]:
    """Which of ``gallery`` answers which query: same topic, or descriptions that say the same."""
    same = np.array([[q == g for g in gallery.topic] for q in queries.topic])
    return same | (queries.said @ gallery.said.T >= LIKE)


def sound_photo_answers(sounds: Things, photos: Things) -> npt.NDArray[np.bool_]:
    """(sounds, photos): whether the photo's caption names what makes the sound."""
    table = Path(__file__).with_name("sound_photo_words.toml").read_text(encoding="utf-8")
    words: dict[str, list[str]] = tomllib.loads(table)["words"]
    said = [set(re.findall(r"[a-z]+", text.lower())) for text in photos.words]
    labels = [topic.removeprefix("sound ") for topic in sounds.topic]
    return np.array([[bool(set(words.get(label, ())) & have) for have in said] for label in labels])


@dataclass(frozen=True)
class Sets:
    """Everything the nine pairs are fitted on. ``nothing`` are queries without any answer."""

    photos: Things
    photo_queries: Things
    captions: Things
    caption_queries: Things
    sounds: Things
    sound_queries: Things
    sound_texts: Things
    nothing: dict[str, Vectors]


def sets_make(
    towers: dict[str, Encoder], image: dict[str, Any], audio: dict[str, Any], data: Path
) -> Sets:
    """Galleries and queries, embedded by the bundle's own towers."""
    text = towers["text"].encode
    rng = np.random.default_rng(image["seed"])
    photos, photo_queries, gallery_texts, query_texts = _photos(
        towers["image"].encode, text, image, data, rng
    )
    sounds, sound_queries, sound_texts = _sounds(towers["audio"].encode, text, audio, data, rng)
    nowhere = [*nonsense_texts(120, seed=image["seed"]), *OUTSIDE]
    noise = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(20)]
    flat = [np.full((64, 64, 3), rng.integers(0, 256, 3), dtype=np.uint8) for _ in range(20)]
    tones = [
        (0.1 * np.sin(2 * np.pi * hz * np.arange(SPEC.sample_rate) / SPEC.sample_rate)).astype(
            np.float32
        )
        for hz in np.geomspace(60, 8000, 20)
    ]
    return Sets(
        photos,
        photo_queries,
        gallery_texts,
        query_texts,
        sounds,
        sound_queries,
        sound_texts,
        {
            "text": text(nowhere),
            "image": towers["image"].encode([*noise, *flat]),
            "audio": towers["audio"].encode(tones),
        },
    )


def _photos(
    encode: Encode, text: Encode, recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> tuple[Things, Things, Things, Things]:
    pixels, crops, topics, words, asked = [], [], [], [], []
    for source in recipe["source"]:
        if not source.get("held_out"):
            continue
        name = source["name"]
        kept = photos_list(
            data=data, source=PhotoSource(name, 1, source["held_out"]), held_out=True
        )
        captions: dict[str, list[str]] = {}
        if "captions" in source:
            for row in rows_read(data / name / source["captions"]):
                captions.setdefault(row["file"], []).append(row["caption"])
        else:
            for row in rows_read(data / name / source["labels"]):
                captions[row["file"]] = [f"a photo of {label_words(row['label'])}"] * 2
        for photo in kept:
            with Image.open(photo.path) as opened:
                image = opened.convert("RGB")
            pixels.append(np.asarray(image))
            crops.append(np.asarray(image.crop([round(x) for x in crop_box(image.size, rng)])))
            own = captions[photo.path.name]
            topics.append(photo.path.name if "captions" in source else own[0])
            words.append(own[0])
            asked.append(own[1])
    said, vectors = text(words), encode(pixels)
    photos = Things(vectors, topics, said, words)
    # Every second query is a crop of a photo that is there, the others the photo itself.
    queries = np.where(np.arange(len(topics))[:, None] % 2 == 0, encode(crops), vectors)
    asked_vectors = text(asked)
    # One caption of a photo is the gallery's text, another of the same photo the query.
    return (
        photos,
        Things(queries, topics, said, words),
        Things(said, topics, said, words),
        Things(asked_vectors, topics, asked_vectors, asked),
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
