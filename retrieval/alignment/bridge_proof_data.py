"""What the proof of the bridge needs, computed once and kept in its work folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.alignment.anchors import rows_read
from retrieval.alignment.bridge_audio_space import Sounds, TextTower, space_train, twins_read
from retrieval.alignment.bridge_labels import SOUND_PHOTO_WORDS, words_read
from retrieval.alignment.sound_texts import captions_read, label_prompts
from retrieval.alignment.sounds import wave_read
from retrieval.alignment.teachers import YAMNET_RATE, AudioTeacher
from retrieval.bridge_texts import default_captions
from retrieval.encoders.bundle import BUILTIN, load_reference
from retrieval.encoders.registry import LoadedBundle, load_bundle
from retrieval.evaluation.datasets import dataset_open, items_read

KEPT_OUT = 4  # the fold of ESC-50 that nothing is trained on
CAPTIONS = 15_000
BATCH = 32
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """Two spaces that never met: pictures and texts of one, sounds and the same texts of the other.

    ``photos`` (n, 384) are the dev photos, ``right`` (n, sounds) says which of the kept-out
    ``sounds`` (m, 192) answers which. ``pictures`` and ``noises`` are unlabelled banks, of the
    starter's reference photos and the training sounds. ``text_image`` and ``text_audio`` (t, ...)
    are the same captions in both spaces, ``topics`` and ``kinds`` theirs.
    """

    photos: Vectors
    sounds: Vectors
    right: npt.NDArray[np.bool_]
    pictures: Vectors
    noises: Vectors
    text_image: Vectors
    text_audio: Vectors
    topics: list[str]
    kinds: list[str]
    labelled_right: float  # share of the kept-out sounds whose label's text is the nearest


def material_make(data: Path, work: Path, *, say: Callable[[str], None]) -> Material:
    """Everything, from ``data`` (see the README) and what ``work`` holds already.

    Raises:
        OSError: a dataset is missing.
        TeacherUnavailableError: YAMNet or its interpreter is missing.
    """
    work.mkdir(parents=True, exist_ok=True)
    heard = _kept(work / "sounds.npz", lambda: _sounds(data), say)
    audio = _kept(work / "audio-space.npz", lambda: _audio_space(data, heard), say)
    seen = _kept(work / "image-space.npz", lambda: _image_space(data), say)
    captions = default_captions()
    out = heard["fold"] == KEPT_OUT
    labels = [str(label) for label in heard["label"]]
    words = words_read(SOUND_PHOTO_WORDS)
    said = [set(re.findall("[a-z]+", str(text).lower())) for text in seen["said"]]
    kept = [label for label, there in zip(labels, out, strict=True) if there]
    right = np.array([[bool(have & set(words.get(label, ()))) for label in kept] for have in said])
    return Material(
        photos=seen["photos"],
        sounds=audio["sounds"][out],
        right=right,
        pictures=seen["pictures"],
        noises=audio["sounds"][~out],
        text_image=seen["texts"],
        text_audio=audio["texts"],
        topics=[caption.topic for caption in captions],
        kinds=[caption.kind for caption in captions],
        labelled_right=float(audio["labelled_right"]),
    )


def _kept(path: Path, make: Callable[[], dict[str, Any]], say: Callable[[str], None]) -> Any:
    if not path.is_file():
        say(f"computing {path.stem}")
        part = path.with_suffix(".part.npz")
        np.savez(part, **make())
        part.rename(path)
    with np.load(path) as kept:
        return {name: kept[name] for name in kept.files}


def _sounds(data: Path) -> dict[str, Any]:
    """YAMNet's mean features and scores of every clip, with label and fold."""
    teacher = AudioTeacher(data / "teachers/yamnet.tflite")
    rows = rows_read(data / "esc50-train/meta.tsv")
    features, scores = [], []
    for row in rows:
        wave = wave_read(data / "esc50-train/audio" / row["file"], YAMNET_RATE)
        embedding, score = teacher.features(np.clip(wave, -1, 1))
        features.append(embedding.mean(0))
        scores.append(score.mean(0))
    return {
        "features": np.stack(features),
        "scores": np.stack(scores),
        "label": [row["label"] for row in rows],
        "fold": [int(row["fold"]) for row in rows],
    }


def _audio_space(data: Path, heard: dict[str, Any]) -> dict[str, Any]:
    texts = data / "audio-caption-text"
    captions = captions_read([texts / "audiocaps/train.csv"])
    order = np.random.default_rng(0).permutation(len(captions))[:CAPTIONS]
    learnt = heard["fold"] != KEPT_OUT
    labels = np.asarray(heard["label"])
    sounds, said = space_train(
        Sounds(heard["features"][learnt], heard["scores"][learnt], labels[learnt].tolist()),
        classes=(data / "teachers/yamnet_labels.txt").read_text(encoding="utf-8").splitlines(),
        captions=[captions[i] for i in order],
        twins=twins_read(texts / "clotho/data/development_captions.csv"),
    )
    vectors = sounds.encode(heard["features"])
    return {
        "sounds": vectors,
        "texts": said.encode([caption.words for caption in default_captions()]),
        "labelled_right": _named(said, vectors[~learnt], labels[~learnt]),
    }


def _named(said: TextTower, sounds: Vectors, labels: npt.NDArray[Any]) -> float:
    names = sorted(set(labels.tolist()))
    texts = said.encode([label_prompts(name)[2] for name in names])
    return float(np.mean(np.asarray(names)[(sounds @ texts.T).argmax(1)] == labels))


def _image_space(data: Path) -> dict[str, Any]:
    """The starter's image and text towers; its audio tower is not asked."""
    bundle = load_bundle(BUILTIN)
    dataset = dataset_open(data / "flickr8k-dev")
    said: dict[str, list[str]] = {file: [] for file in dataset.files}
    for file, caption in dataset.captions:
        said[file].append(caption)
    return {
        "photos": _photos(bundle, dataset),
        "said": [" ".join(captions) for captions in said.values()],
        "pictures": load_reference(BUILTIN)["image"],
        "texts": bundle.towers["text"].encode([caption.words for caption in default_captions()]),
    }


def _photos(bundle: LoadedBundle, dataset: Any) -> Vectors:
    settings = bundle.manifest.towers["image"].input
    found, batch = [], []
    for item in items_read(dataset, dataset.files, settings=settings):
        batch.append(item)
        if len(batch) == BATCH:
            found.append(bundle.towers["image"].encode(batch))
            batch = []
    if batch:
        found.append(bundle.towers["image"].encode(batch))
    return np.concatenate(found)
