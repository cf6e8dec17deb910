"""Sounds and what is asked for them, for fitting calibrations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.alignment.sound_texts import captions_read, label_prompts
from retrieval.alignment.sounds import SPEC, Clip, clips_list, variant_wave, wave_read
from retrieval.alignment.things import Answers, Things
from retrieval.encoders.base import Encoder, Vectors
from retrieval.evaluation.across import named, words_read

SOUND_VARIANTS = 6
CAPTIONS = 400  # of sounds: a quarter stands among the texts, the rest is asked of photos
BANKED = 256  # clips, and as many captions


@dataclass(frozen=True)
class Sounds:
    """Sounds held out of training (``held``), varied versions, ``others``, and texts about sounds.

    ``prompts`` are ways to ask for each label, ``labels`` the bare ones, ``captions`` describe
    sounds of no label.
    """

    held: Things
    varied: Things
    others: Things
    prompts: Things
    labels: Things
    captions: Things
    bank: Vectors
    bank_captions: Vectors


def sound_photo_answers(sounds: Things, photos: Things) -> Answers:
    """(sounds, photos): whether the photo's caption names what makes the sound."""
    labels = [topic.removeprefix("sound ") for topic in sounds.topic]
    return named(labels, photos.words, words_read())


def sounds_make(
    towers: dict[str, Encoder], recipe: dict[str, Any], data: Path, rng: np.random.Generator
) -> Sounds:
    """All of it, embedded; ``recipe`` is the audio tower's."""
    clips = _clips(recipe, data, kept=True)
    waves = [wave_read(clip.path, SPEC.sample_rate) for clip in clips]
    topics = [f"sound {clip.label}" for clip in clips]
    varied, asked = [], []
    for row in range(len(waves)):
        made = 0
        while made < SOUND_VARIANTS:  # one that is mixed with another sound has two labels
            wave, other, _ = variant_wave(waves, row, rng, plain=False)
            if other == row:
                varied.append(np.ascontiguousarray(wave))
                asked.append(topics[row])
                made += 1
    trained = _clips(recipe, data, kept=False)
    order = rng.permutation(len(trained))
    banked, beside = [trained[i] for i in order[:BANKED]], [trained[i] for i in order[BANKED:]]
    labels = sorted({clip.label for clip in (*clips, *trained)})
    prompts = [(text, f"sound {one}") for one in labels for text in label_prompts(one)[1:]]
    bare = [one.replace("_", " ") for one in labels]
    loose = captions_read([data / name for name in recipe["captions"]])
    picked = [loose[i] for i in rng.permutation(len(loose))[: CAPTIONS + BANKED]]
    text, encode = towers["text"].encode, towers["audio"].encode
    said = [text for text, _ in prompts]
    return Sounds(
        held=Things(encode(waves), topics, topics),
        varied=Things(encode(varied), asked, asked),
        others=_things(beside, encode([wave_read(one.path, SPEC.sample_rate) for one in beside])),
        prompts=Things(text(said), [topic for _, topic in prompts], said),
        labels=Things(text(bare), [f"sound {one}" for one in labels], bare),
        captions=Things.of_texts(picked[:CAPTIONS], text(picked[:CAPTIONS])),
        bank=encode([wave_read(clip.path, SPEC.sample_rate) for clip in banked]),
        bank_captions=text(picked[CAPTIONS:]),
    )


def _things(clips: list[Clip], vectors: Vectors) -> Things:
    topics = [f"sound {clip.label}" for clip in clips]
    return Things(vectors, topics, topics)


def _clips(recipe: dict[str, Any], data: Path, *, kept: bool) -> list[Clip]:
    return clips_list(
        folder=data / recipe["clips"],
        folds=frozenset(recipe["folds"]),
        held_out=recipe["held_out"],
        kept=kept,
    )
