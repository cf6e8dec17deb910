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
from retrieval.alignment.sound_variation import excerpts, gaps, mixed, shifted
from retrieval.alignment.start import start_from
from retrieval.alignment.teacher_votes import teacher_features, votes_fit
from retrieval.encoders.towers import AudioTower

TEMPERATURE = 0.05
TEACHER_WIDTH = 1024
BANK = 512  # texts drawn for each step of the imitation
BARE = 0.5
REPORT_STEPS = 50
TERMS = ("hint", "labels", "votes", "imitate", "cosine")


@dataclass(frozen=True)
class Variants:
    """All rounds in memory: spectrograms (n, frames, bands) fp16 and what is known of them.

    ``embedding`` (n, patches, 1024) and ``scores`` (n, 521) are the teacher's; ``wanted``
    (n, labels) are the shares of labels in the mixture, ``votes`` the teacher's view of them.
    """

    mel: Tensor
    embedding: Tensor
    scores: Tensor
    wanted: Tensor
    votes: Tensor


def variants_open(folder: Path, labels: int) -> Variants:
    """Every finished round under ``folder``."""
    files = sorted(p for p in folder.glob("sounds-*.npy") if not p.name.endswith(".part.npy"))
    rounds = [np.load(path) for path in files]

    def joined(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([r[name] for r in rounds]))

    embedding, shares = joined("embedding"), joined("shares")
    wanted = torch.zeros(len(shares), labels).scatter_add_(1, joined("labels").long(), shares)
    votes = votes_fit(teacher_features(embedding), wanted, joined("folds").long())
    return Variants(joined("mel"), embedding, joined("scores").float(), wanted, votes)


def texts_draw(texts: SoundTexts, rng: np.random.Generator) -> Tensor:
    """One text of each label: indices (labels,) in order of label.

    Every second time the bare label, else any text that says the same.
    """
    if rng.random() < BARE:
        return torch.tensor([int(np.argmax(texts.group == k)) for k in range(len(texts.labels))])
    own = [np.nonzero(texts.group == label)[0] for label in range(len(texts.labels))]
    return torch.tensor([int(rng.choice(rows)) for rows in own])


def said_by_teacher(scores: Tensor, classes: Tensor) -> Tensor:
    """The teacher's answer in the text space: class names weighted by squared score, normalised."""
    return functional.normalize(scores.square() @ classes, dim=1)


def hint_error(heard: Tensor, embedding: Tensor, spread: Tensor) -> Tensor:
    """Mean squared error (n,) of (n, moments, 1024) to the teacher's patches, in ``spread``."""
    wanted = functional.adaptive_avg_pool1d(embedding.transpose(1, 2), heard.shape[1])
    return ((heard.transpose(1, 2) - wanted) / spread[:, None]).square().mean((1, 2))


@dataclass(frozen=True)
class _Lesson:
    """What every step needs: variants, texts as tensors, the hint layer and the targets' spread."""

    found: Variants
    texts: SoundTexts
    vectors: Tensor
    classes: Tensor
    hint: nn.Linear
    spread: Tensor
    opts: dict[str, Any]
    rng: torch.Generator
    numpy_rng: np.random.Generator


def _lesson_prepare(recipe: dict[str, Any], data: Path, work: Path) -> _Lesson:
    labels = sorted({clip.label for clip in training_clips(recipe, data)})
    texts = sound_texts(recipe, data, labels, work / "sound-texts.npz")
    found = variants_open(work / "sounds", len(texts.labels))
    sample = found.embedding[::7].float()
    return _Lesson(
        found=found,
        texts=texts,
        vectors=torch.from_numpy(texts.vectors),
        classes=torch.from_numpy(texts.classes),
        hint=nn.Linear(TEACHER_WIDTH, TEACHER_WIDTH),
        # Many of the teacher's channels are nearly always 0: their errors must not be blown up.
        spread=sample.std((0, 1)).clamp_min(0.3 * float(sample.std())),
        opts=recipe["train"],
        rng=torch.Generator().manual_seed(recipe["seed"]),
        numpy_rng=np.random.default_rng(recipe["seed"]),
    )


def _terms(tower: AudioTower, lesson: _Lesson, rows: Tensor, stage: dict[str, Any]) -> Tensor:
    """Terms of the loss of one batch, in order of TERMS."""
    found, opts, rng = lesson.found, lesson.opts, lesson.rng
    mel, embedding = excerpts(
        found.mel[rows].float(),
        found.embedding[rows].float(),
        frames=stage["frames"],
        patches=stage["patches"],
        rng=rng,
    )
    mel, part = mixed(mel, opts["mix"], rng)
    alone = part[:, 0] == 1

    def blended(rows_of: Tensor) -> Tensor:
        return part * rows_of[rows] + (1 - part) * rows_of[rows.roll(1)]

    moments = tower.moments(gaps(shifted(mel, rng), rng))
    pooled = functional.dropout(tower.pooled(moments), opts["head_dropout"])
    own = functional.normalize(tower.head(pooled), dim=1)
    heard = lesson.hint(moments.transpose(1, 2))
    drawn = lesson.vectors[texts_draw(lesson.texts, lesson.numpy_rng)]
    answers = functional.log_softmax(own @ drawn.T / TEMPERATURE, dim=1)
    said = said_by_teacher(blended(found.scores), lesson.classes)
    bank = lesson.vectors[torch.randint(len(lesson.vectors), (BANK,), generator=rng)]
    return torch.stack(
        [
            hint_error(heard, embedding, lesson.spread)[alone].mean(),
            -(blended(found.wanted) * answers).sum(1).mean(),
            -(blended(found.votes) * answers).sum(1).mean(),
            imitation(own, said, bank, temperature=TEMPERATURE),
            1 - (own * said).sum(1).mean(),
        ]
    )


def audio_train(recipe: dict[str, Any], data: Path, work: Path, *, seconds: float) -> Path:
    """Train for ``seconds`` of wall clock; path of the averaged tower, ``work/audio.pt``.

    Goes on from ``work/audio-start.safetensors`` (a starter bundle's ``audio.safetensors``) if that
    is there, from random weights otherwise.

    Losses go to standard error, one JSON line for 50 steps.
    """
    torch.manual_seed(recipe["seed"])
    torch.set_num_threads(recipe["threads"])
    torch.set_flush_denormal(True)
    opts = recipe["train"]
    weights = torch.tensor([opts["weights"][name] for name in TERMS])
    lesson = _lesson_prepare(recipe, data, work)
    tower = AudioTower(
        recipe["architecture"],
        width=TEACHER_WIDTH,
        dimension=lesson.vectors.shape[1],
        drop_path=opts["drop_path"],
    )
    start_from(tower, work / "audio-start.safetensors")
    both = nn.ModuleList([tower, lesson.hint])
    optimiser = optimiser_make(both, opts["peak"], opts["weight_decay"])
    average = copy.deepcopy(tower).eval()
    started, step, totals, saved = time.monotonic(), 0, torch.zeros(len(TERMS)), 0.0
    order = torch.empty(0, dtype=torch.long)
    while (spent := time.monotonic() - started) < seconds:
        stage = next(s for s in opts["stages"] if spent / seconds < s["until"])
        if len(order) < stage["batch"]:
            order = torch.randperm(len(lesson.found.mel), generator=lesson.rng)
        rows, order = order[: stage["batch"]], order[stage["batch"] :]
        for group in optimiser.param_groups:
            group["lr"] = rate_at(spent / seconds, opts["peak"], opts["warm"])
        terms = _terms(tower.train(), lesson, rows, stage)
        optimiser.zero_grad(set_to_none=True)
        (terms * weights).sum().backward()  # type: ignore[no-untyped-call]  # torch's own stub
        nn.utils.clip_grad_norm_(both.parameters(), opts["clip"])
        optimiser.step()
        step += 1
        totals += terms.detach() / REPORT_STEPS
        average_update(average, tower, min(opts["average"], step / (step + 30)))
        if step % REPORT_STEPS == 0:
            line = dict(zip(TERMS, totals.round(decimals=4).tolist(), strict=True))
            sys.stderr.write(json.dumps({"step": step, "spent": round(spent), **line}) + "\n")
            totals.zero_()
        if spent - saved > opts["save_every"]:
            _save(average, work)
            saved = spent
    return _save(average, work)


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
