"""Clips for the audio recipe, varied and mixed, with the audio teacher's answers for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.alignment.anchors import rows_read
from retrieval.alignment.photos import is_held_out
from retrieval.alignment.teachers import YAMNET_RATE, AudioTeacher
from retrieval.encoders.mel import MelSpec, log_mel

SPEC = MelSpec()
SECONDS = 5
FRAMES = SECONDS * SPEC.sample_rate // SPEC.hop + 1
PATCHES = 9
MIXED = 0.5  # share of variants with a second clip under the first
VARIANT = np.dtype(
    [
        ("mel", np.float16, (FRAMES, SPEC.bands)),
        ("embedding", np.float16, (PATCHES, 1024)),
        ("scores", np.float16, (521,)),
        ("labels", np.int16, (2,)),
        ("shares", np.float32, (2,)),
        ("folds", np.int16, (2,)),
    ]
)


@dataclass(frozen=True)
class Clip:
    """One labelled sound file, and the fold that its publishers put it in."""

    path: Path
    label: str
    fold: int


def clips_list(
    *, folder: Path, folds: frozenset[int], held_out: float, kept: bool = False
) -> list[Clip]:
    """Clips of the given folds for training or, with ``kept``, those kept out for fitting."""
    rows = [row for row in rows_read(folder / "meta.tsv") if int(row["fold"]) in folds]
    return [
        Clip(folder / "audio" / row["file"], row["label"], int(row["fold"]))
        for row in rows
        if is_held_out(row["file"], held_out) == kept
    ]


def wave_read(path: Path, rate: int) -> NDArray[np.float32]:
    """Mono float32 wave of a local, trusted file at ``rate`` Hz."""
    import soundfile
    import soxr

    wave, own = soundfile.read(path, dtype="float32", always_2d=True)
    mono = wave.mean(axis=1)
    return np.asarray(mono if own == rate else soxr.resample(mono, own, rate), dtype=np.float32)


def _speed(wave: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    places = np.arange(0, len(wave) - 1, factor)
    return np.interp(places, np.arange(len(wave)), wave).astype(np.float32)


def _fit(wave: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The wave rolled by a random shift, repeated or cut to SECONDS."""
    wanted = SECONDS * SPEC.sample_rate
    wave = np.tile(wave, -(-wanted // len(wave)))[: max(wanted, len(wave))]
    return np.roll(wave, int(rng.integers(len(wave))))[:wanted]


def variant_wave(
    waves: list[NDArray[np.float32]], first: int, rng: np.random.Generator, *, plain: bool
) -> tuple[NDArray[np.float32], int, float]:
    """A wave made of clip ``first``, the clip mixed in, and the first one's share (0.5 to 1)."""
    wave = waves[first]
    if plain:
        return wave[: SECONDS * SPEC.sample_rate], first, 1.0
    wave = _fit(_speed(wave, float(np.exp(rng.uniform(-0.2, 0.2)))), rng)
    other, share = first, 1.0
    if rng.random() < MIXED:
        other = int(rng.integers(len(waves)))
        share = float(rng.uniform(0.5, 0.95))
        added = _fit(_speed(waves[other], float(np.exp(rng.uniform(-0.2, 0.2)))), rng)
        loud, quiet = np.sqrt(np.mean(wave**2)) + 1e-6, np.sqrt(np.mean(added**2)) + 1e-6
        wave = share * wave / loud + (1 - share) * added / quiet
    level = np.sqrt(np.mean(wave**2)) + 1e-6
    noise = rng.standard_normal(len(wave)).astype(np.float32)
    wave = wave / level * 0.1 + noise * 0.1 * 10 ** rng.uniform(-3, -1)
    return (wave * 10 ** rng.uniform(-0.5, 0.5)).astype(np.float32), other, share


def variants_compute(
    *, clips: list[Clip], teacher: AudioTeacher, out: Path, rounds: int, seed: int
) -> Iterator[Path]:
    """One file of records for each round over all clips; round 0 is the clips as they are."""
    import soxr

    out.mkdir(parents=True, exist_ok=True)
    waves = [wave_read(clip.path, SPEC.sample_rate) for clip in clips]
    names = sorted({clip.label for clip in clips})
    number = np.array([names.index(clip.label) for clip in clips])
    for turn in range(rounds):
        path = out / f"sounds-{turn:03d}.npy"
        try:
            os.close(os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        rng = np.random.default_rng((seed, turn))
        records = np.zeros(len(clips), VARIANT)
        for row in range(len(clips)):
            wave, other, share = variant_wave(waves, row, rng, plain=turn == 0)
            heard = soxr.resample(wave, SPEC.sample_rate, YAMNET_RATE)
            embeddings, scores = teacher.features(np.clip(heard, -1, 1))
            mel = log_mel(torch.from_numpy(wave), SPEC).numpy()
            record = records[row]
            record["mel"][: len(mel)] = mel[:FRAMES]
            record["mel"][len(mel) :] = mel.min()
            record["embedding"][: len(embeddings)] = embeddings[:PATCHES]
            record["embedding"][len(embeddings) :] = embeddings[-1]
            record["scores"] = scores.mean(0)
            record["labels"] = number[row], number[other]
            record["shares"] = share, 1 - share
            record["folds"] = clips[row].fold, clips[other].fold
        np.save(path.with_suffix(".part.npy"), records)
        path.with_suffix(".part.npy").rename(path)
        yield path
