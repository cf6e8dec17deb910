"""Texts that sounds are drawn to: labels, prompts, and captions that say the same."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.alignment.anchors import texts_embed

SOUND_PROMPTS = ("{}", "{}", "the sound of {}", "{} sound", "a recording of {}", "{} can be heard")
CAPTIONS_PER_LABEL = 24
CAPTION_LIKENESS = 0.45  # cosine to the label's text below which a caption is about something else
CAPTION_LEAD = 0.05  # by which the nearest label must be nearer than the next
CAPTIONS_READ = 10_000


@dataclass(frozen=True)
class SoundTexts:
    """``vectors`` (n, d) normalised; ``group`` (n,): the label each text describes, -1 for none.

    ``classes`` (521, d): texts of the teacher's classes. ``labels``: names in order of number.
    """

    labels: list[str]
    vectors: NDArray[np.float32]
    group: NDArray[np.int64]
    classes: NDArray[np.float32]


def captions_read(paths: list[Path]) -> list[str]:
    """Distinct captions of AudioCaps (column ``caption``) and Clotho (``raw_text``) files."""
    found: dict[str, None] = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[(row.get("caption") or row.get("raw_text") or "").strip()] = None
    return [text for text in found if text]


def label_prompts(label: str) -> list[str]:
    """What people may type for a label: the bare name first, as is and in lower case."""
    words = label.replace(" - ", ", ").lower()
    bare, *rest = SOUND_PROMPTS
    return [bare.format(label), *(prompt.format(words) for prompt in rest)]


def sound_texts(recipe: dict[str, Any], data: Path, labels: list[str], cache: Path) -> SoundTexts:
    """All texts of a recipe, embedded; kept in ``cache`` (an .npz file)."""
    if cache.is_file():
        kept = np.load(cache)
        return SoundTexts(labels, kept["vectors"], kept["group"], kept["classes"])
    captions = captions_read([data / name for name in recipe["captions"]])
    rng = np.random.default_rng(recipe["seed"])
    captions = [captions[i] for i in rng.permutation(len(captions))[:CAPTIONS_READ]]
    prompts = [prompt for label in labels for prompt in label_prompts(label)]
    names = (data / recipe["teacher_labels"]).read_text().splitlines()
    every = texts_embed([*prompts, *captions, *names], package=recipe["text_package"])
    own = every[: len(prompts)]
    said = every[len(prompts) : len(prompts) + len(captions)]
    count = len(SOUND_PROMPTS)
    middle = own.reshape(len(labels), count, -1).mean(1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    likeness = said @ middle.T
    best, second = np.sort(likeness, axis=1)[:, -1], np.sort(likeness, axis=1)[:, -2]
    nearest = likeness.argmax(1)
    group = np.full(len(captions), -1)
    for label in range(len(labels)):
        clear = (nearest == label) & (best > CAPTION_LIKENESS) & (best - second > CAPTION_LEAD)
        mine = np.nonzero(clear)[0]
        group[mine[np.argsort(-best[mine])[:CAPTIONS_PER_LABEL]]] = label
    groups = np.concatenate([np.repeat(np.arange(len(labels)), count), group])
    found = SoundTexts(labels, every[: len(groups)], groups, every[len(groups) :])
    np.savez(cache, vectors=found.vectors, group=found.group, classes=found.classes)
    return found
