"""Training of the audio tower against a wall-clock budget."""

from __future__ import annotations

import copy
import json
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.audio_targets import training_clips
from retrieval.alignment.image_train import average_update, optimiser_make, rate_at
from retrieval.alignment.objectives import imitation
from retrieval.alignment.sound_texts import SoundTexts, sound_texts
from retrieval.encoders.towers import AudioTower

TEMPERATURE = 0.05
TEACHER_WIDTH = 1024
HEAD_DROPOUT = 0.2
BANK = 1024  # texts drawn for each step of the imitation
REPORT_STEPS = 50
UNMIXED = 0.7  # share of items that mixup leaves alone


@dataclass(frozen=True)
class Variants:
    """All rounds in memory: mel (n, frames, bands) fp16, the teacher's words, labels and shares."""

    mel: Tensor
    embedding: Tensor
    scores: Tensor
    labels: Tensor
    shares: Tensor


def variants_open(folder: Path) -> Variants:
    """Every finished round under ``folder``."""
    files = sorted(p for p in folder.glob("sounds-*.npy") if not p.name.endswith(".part.npy"))
    rounds = [np.load(path) for path in files]

    def joined(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([r[name] for r in rounds]))

    return Variants(
        joined("mel"),
        joined("embedding"),
        joined("scores").float(),
        joined("labels").long(),
        joined("shares"),
    )


def mel_varied(mel: Tensor, rng: torch.Generator) -> Tensor:
    """SpecAugment (Park 2019): two stripes of time and one of bands set to the mean.

    Level shifts.
    """
    n, frames, bands = mel.shape
    mel = mel + torch.empty(n, 1, 1).uniform_(-0.15, 0.15, generator=rng)
    mel = mel + torch.empty(n, 1, 1).uniform_(-0.2, 0.2, generator=rng) * torch.linspace(
        -1, 1, bands
    )
    for axis, size, widest, times in ((1, frames, 30, 2), (2, bands, 10, 1)):
        places = torch.arange(size).view(1, -1)
        for _ in range(times):
            width = torch.randint(0, widest, (n, 1), generator=rng)
            start = (torch.rand(n, 1, generator=rng) * (size - width)).long()
            hidden = (places >= start) & (places < start + width)
            mel = torch.where(hidden.unsqueeze(2 if axis == 1 else 1), mel.mean(), mel)
    return mel


CROP_PATCHES, CROP_FRAMES, FRAMES_A_PATCH = 4, 128, 24  # 24 frames of 20 ms are a patch's 0.48 s


def cropped(mel: Tensor, embedding: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """2.56 s of each clip and the teacher's patches for it; louder places are likelier.

    Loudness matters because a clip's label may hold for a moment only, with silence around it.
    """
    places = torch.arange(embedding.shape[1] - CROP_PATCHES + 1)
    level = torch.stack(
        [mel[:, k * FRAMES_A_PATCH :][:, :CROP_FRAMES].mean((1, 2)) for k in places.tolist()], 1
    )
    place = torch.multinomial(functional.softmax(4 * level, dim=1), 1, generator=rng)
    frames = place * FRAMES_A_PATCH + torch.arange(CROP_FRAMES)
    patches = place + torch.arange(CROP_PATCHES)
    n = torch.arange(len(mel))[:, None]
    return mel[n, frames], embedding[n, patches]


def label_loss(
    vectors: Tensor, texts: Tensor, text_group: Tensor, labels: Tensor, shares: Tensor
) -> Tensor:
    """Cross entropy over labels, each label scored by one of its texts drawn for this step."""
    logits = vectors @ texts.T / TEMPERATURE
    log_probability = functional.log_softmax(logits[:, torch.argsort(text_group)], dim=1)
    wanted = torch.zeros_like(log_probability).scatter_add_(1, labels, shares)
    return -(wanted * log_probability).sum(1).mean()


def texts_draw(texts: SoundTexts, rng: np.random.Generator) -> Tensor:
    """One text of each label, drawn at random: indices (labels,) in order of label."""
    own = [np.nonzero(texts.group == label)[0] for label in range(len(texts.labels))]
    return torch.tensor([int(rng.choice(rows)) for rows in own])


def said_by_teacher(scores: Tensor, classes: Tensor) -> Tensor:
    """The teacher's answer in the text space: class names weighted by squared score, normalised."""
    return functional.normalize(scores.square() @ classes, dim=1)


@dataclass(frozen=True)
class _Lesson:
    """What every step needs: variants, texts as tensors, the hint layer and the targets' spread."""

    found: Variants
    texts: SoundTexts
    vectors: Tensor
    group: Tensor
    classes: Tensor
    hint: nn.Linear
    spread: Tensor
    opts: dict[str, Any]
    rng: torch.Generator
    numpy_rng: np.random.Generator


def _lesson_prepare(recipe: dict[str, Any], data: Path, work: Path) -> _Lesson:
    labels = sorted({clip.label for clip in training_clips(recipe, data)})
    texts = sound_texts(recipe, data, labels, work / "sound-texts.npz")
    found = variants_open(work / "sounds")
    sample = found.embedding[::7].float()
    return _Lesson(
        found=found,
        texts=texts,
        vectors=torch.from_numpy(texts.vectors),
        group=torch.from_numpy(texts.group),
        classes=torch.from_numpy(texts.classes),
        hint=nn.Linear(TEACHER_WIDTH, TEACHER_WIDTH),
        # Many of the teacher's channels are nearly always 0: their errors must not be blown up.
        spread=sample.std((0, 1)).clamp_min(0.3 * float(sample.std())),
        opts=recipe["train"],
        rng=torch.Generator().manual_seed(recipe["seed"]),
        numpy_rng=np.random.default_rng(recipe["seed"]),
    )


def _terms(tower: AudioTower, lesson: _Lesson, rows: Tensor, *, whole: bool) -> Tensor:
    """Terms of the loss of one batch: hint, labels, imitation, cosine, in this order."""
    found, rng = lesson.found, lesson.rng
    mel, embedding = found.mel[rows].float(), found.embedding[rows].float()
    if not whole:
        mel, embedding = cropped(mel, embedding, rng)
    mel = mel_varied(mel, rng)
    mel, embedding, labels, shares, scores = _mixed(found, rows, mel, embedding, rng)
    moments = tower.moments(mel)
    pooled = functional.dropout(tower.pooled(moments), HEAD_DROPOUT)
    own = functional.normalize(tower.head(pooled), dim=1)
    wanted = functional.adaptive_avg_pool1d(embedding.transpose(1, 2), moments.shape[2])
    heard = lesson.hint(moments.transpose(1, 2)).transpose(1, 2)
    drawn = texts_draw(lesson.texts, lesson.numpy_rng)
    said = said_by_teacher(scores, lesson.classes)
    bank = torch.randint(len(lesson.vectors), (BANK,), generator=rng)
    spread = lesson.spread[:, None]
    return torch.stack(
        [
            functional.mse_loss(heard / spread, wanted / spread),
            label_loss(own, lesson.vectors[drawn], lesson.group[drawn], labels, shares),
            imitation(own, said, lesson.vectors[bank], temperature=TEMPERATURE),
            1 - (own * said).sum(1).mean(),
        ]
    )


def audio_train(recipe: dict[str, Any], data: Path, work: Path, *, seconds: float) -> Path:
    """Train for ``seconds`` of wall clock; path of the averaged tower, ``work/audio.pt``.

    Losses go to standard error, one JSON line for 50 steps.
    """
    torch.manual_seed(recipe["seed"])
    torch.set_num_threads(recipe["threads"])
    torch.set_flush_denormal(True)
    opts = recipe["train"]
    lesson = _lesson_prepare(recipe, data, work)
    tower = AudioTower(
        recipe["architecture"],
        width=TEACHER_WIDTH,
        dimension=lesson.vectors.shape[1],
        drop_path=opts["drop_path"],
    )
    both = nn.ModuleList([tower, lesson.hint])
    optimiser = optimiser_make(both, opts["peak"], opts["weight_decay"])
    average = copy.deepcopy(tower).eval()
    started, step, totals, saved = time.monotonic(), 0, np.zeros(len(opts["weights"])), 0.0
    order = torch.empty(0, dtype=torch.long)
    while (spent := time.monotonic() - started) < seconds:
        if len(order) < opts["batch"]:
            order = torch.randperm(len(lesson.found.mel), generator=lesson.rng)
        rows, order = order[: opts["batch"]], order[opts["batch"] :]
        for group in optimiser.param_groups:
            group["lr"] = rate_at(spent / seconds, opts["peak"], opts["warm"])
        terms = _terms(tower.train(), lesson, rows, whole=spent / seconds >= opts["cropped_until"])
        optimiser.zero_grad(set_to_none=True)
        (terms * torch.tensor(opts["weights"])).sum().backward()  # type: ignore[no-untyped-call]  # torch's own stub
        nn.utils.clip_grad_norm_(both.parameters(), opts["clip"])
        optimiser.step()
        step += 1
        totals += terms.detach().numpy() / REPORT_STEPS
        average_update(average, tower, min(opts["average"], step / (step + 50)))
        if step % REPORT_STEPS == 0:
            line = {"step": step, "spent": round(spent), "terms": totals.round(4).tolist()}
            sys.stderr.write(json.dumps(line) + "\n")
            totals[:] = 0
        if spent - saved > opts["save_every"]:
            _save(average, work)
            saved = spent
    return _save(average, work)


def _mixed(
    found: Variants, rows: Tensor, mel: Tensor, embedding: Tensor, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Three of ten items mixed with a neighbour (mixup of spectrograms, targets likewise)."""
    n = len(rows)
    turn = torch.roll(torch.arange(n), 1)
    part = torch.where(
        torch.rand(n, generator=rng) < UNMIXED, 1.0, 0.5 + 0.5 * torch.rand(n, generator=rng)
    )
    mel = part.view(-1, 1, 1) * mel + (1 - part).view(-1, 1, 1) * mel[turn]
    embedding = part.view(-1, 1, 1) * embedding + (1 - part).view(-1, 1, 1) * embedding[turn]
    labels = torch.cat([found.labels[rows], found.labels[rows[turn]]], 1)
    shares = torch.cat(
        [found.shares[rows] * part[:, None], found.shares[rows[turn]] * (1 - part)[:, None]], 1
    )
    scores = part[:, None] * found.scores[rows] + (1 - part)[:, None] * found.scores[rows[turn]]
    return mel, embedding, labels, shares, scores


def _save(average: nn.Module, work: Path) -> Path:
    torch.save(average.state_dict(), work / "audio.part")
    (work / "audio.part").rename(work / "audio.pt")
    return work / "audio.pt"


if __name__ == "__main__":
    audio_train(
        tomllib.loads(Path(sys.argv[1]).read_text()),
        Path(sys.argv[2]),
        Path(sys.argv[3]),
        seconds=float(sys.argv[4]),
    )
