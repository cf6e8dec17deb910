"""Training of the image tower against a wall-clock budget; stops and goes on where it stopped."""

from __future__ import annotations

import copy
import json
import math
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.anchors import Anchors, photo_anchors
from retrieval.alignment.crop_data import CropBatch, batch_make, chunks_open, order
from retrieval.alignment.image_student import HINTS, HintHeads, ImageStudent, TargetScale
from retrieval.alignment.image_targets import training_photos
from retrieval.alignment.objectives import contrast, imitation
from retrieval.alignment.start import start_from
from retrieval.alignment.teacher_head import head_fit
from retrieval.alignment.teachers import ImageTeacher

REPORT_STEPS = 100


@dataclass
class Teaching:
    """What the student learns from: target scales, the teacher's head, anchors."""

    scales: dict[str, TargetScale]
    head: nn.Linear
    anchors: Anchors
    texts: Tensor
    text_group: Tensor
    photo_group: Tensor


def scales_measure(chunks: list[Any], teacher: ImageTeacher) -> dict[str, TargetScale]:
    """Mean and standard deviation of each channel of the teacher's maps, over the first chunk."""
    scales = {}
    for name, quantised in teacher.quantisation.items():
        raw = torch.from_numpy(np.array(chunks[0][name][:256])).float()
        real = (raw.reshape(-1, raw.shape[-1]) - quantised.zero_point) * quantised.scale
        scales[name] = TargetScale(quantised, real.mean(0), real.std(0).clamp_min(1e-2))
    return scales


def teaching_prepare(recipe: dict[str, Any], data: Path, work: Path) -> Teaching:
    """Scales, anchors and the fitted head; the head is kept in ``work`` for the next start."""
    teacher = ImageTeacher(data / recipe["teacher"])
    chunks = chunks_open(work / "crops")
    anchors = photo_anchors(recipe, data, training_photos(recipe, data), work / "anchors.npz")
    scales = scales_measure(chunks, teacher)
    kept = work / "teacher-head.pt"
    dimension = anchors.vectors.shape[1]
    if kept.is_file():
        head = nn.Linear(len(scales["pool"].mean), dimension)
        head.load_state_dict(torch.load(kept, weights_only=True))
    else:
        q = scales["pool"].quantised
        raw = torch.from_numpy(np.concatenate([np.array(c["pool"]) for c in chunks])).float()
        photo = torch.from_numpy(np.concatenate([np.array(c["photo"]) for c in chunks]))
        head = head_fit((raw - q.zero_point) * q.scale, photo, anchors, seed=recipe["seed"])
        torch.save(head.state_dict(), kept)
    return Teaching(
        scales=scales,
        head=head.requires_grad_(requires_grad=False),
        anchors=anchors,
        texts=torch.from_numpy(anchors.vectors),
        text_group=torch.from_numpy(anchors.group),
        photo_group=torch.from_numpy(anchors.photo_group),
    )


def losses(
    tower: ImageStudent,
    hints: HintHeads,
    teaching: Teaching,
    batch: CropBatch,
    rng: torch.Generator,
) -> dict[str, Tensor]:
    """Every term of the loss by name; weights are the recipe's."""
    maps = tower.features(batch.pixels)
    wanted = {
        name: teaching.scales[name].normalise(batch.maps[name]).permute(0, 3, 1, 2)
        for name in HINTS
    }
    found = hints.losses(maps, wanted)
    pool = teaching.scales["pool"]
    real = (batch.maps["pool"].float() - pool.quantised.zero_point) * pool.quantised.scale
    pooled = tower.pooled(maps[-1])
    found["pool"] = functional.mse_loss(pooled / pool.std, real / pool.std)
    vectors = functional.normalize(tower.head(pooled), dim=1)
    target = functional.normalize(teaching.head(real), dim=1)
    found["cosine"] = 1 - (vectors * target).sum(1).mean()
    bank = torch.randint(len(teaching.texts), (1024,), generator=rng)
    found["imitate"] = imitation(vectors, target, teaching.texts[bank], temperature=0.05)
    groups = teaching.photo_group[batch.photo]
    own = torch.cat([torch.nonzero(teaching.text_group == g)[:5, 0] for g in groups if g >= 0])
    texts = torch.cat([own, bank])
    found["contrast"] = contrast(
        vectors, groups, teaching.texts[texts], teaching.text_group[texts], temperature=0.05
    )
    return found


def size_at(progress: float, stages: list[dict[str, float]]) -> int:
    """Side of the training pictures in pixels at ``progress`` (0 to 1) of the budget."""
    return int(next(s["size"] for s in stages if progress < s["until"] or s is stages[-1]))


def rate_at(progress: float, peak: float, warm: float) -> float:
    """Learning rate: linear warm-up over ``warm`` of the budget, then cosine to a hundredth."""
    if progress < warm:
        return peak * (0.05 + 0.95 * progress / warm)
    turn = min(1.0, (progress - warm) / (1 - warm))
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * turn)) / 2)


@torch.no_grad()
def average_update(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average of weights; batch-norm statistics are averaged likewise."""
    current = model.state_dict()
    for name, value in average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def optimiser_make(model: nn.Module, peak: float, decay: float) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices and kernels alone."""
    heavy = [p for p in model.parameters() if p.ndim > 1]
    light = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98))


@dataclass
class _Run:
    """A training under way: networks, optimiser, running average, and how far it is."""

    tower: ImageStudent
    both: nn.ModuleList
    optimiser: torch.optim.AdamW
    average: nn.Module
    rng: torch.Generator
    spent: float = 0.0
    step: int = 0

    @property
    def hints(self) -> HintHeads:
        heads = self.both[1]
        if not isinstance(heads, HintHeads):
            raise TypeError("the second module of a run are its hint heads")
        return heads


def _run_start(recipe: dict[str, Any], teaching: Teaching, state: Path) -> _Run:
    """A new run, or the one that ``state`` holds."""
    opts = recipe["train"]
    tower = ImageStudent(recipe["vision_cfg"], dimension=teaching.texts.shape[1])
    tower = tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
    if not start_from(tower, state.with_name("image-start.safetensors")):
        # The head was fitted here on the teacher's outputs; none of the teacher's weights is in it.
        tower.head.load_state_dict(teaching.head.state_dict())
    both = nn.ModuleList([tower, HintHeads(tower, teaching.scales)])
    run = _Run(
        tower=tower,
        both=both,
        optimiser=optimiser_make(both, opts["peak"], opts["weight_decay"]),
        average=copy.deepcopy(tower).eval(),
        rng=torch.Generator().manual_seed(recipe["seed"]),
    )
    if state.is_file():
        saved = torch.load(state, weights_only=True)
        both.load_state_dict(saved["both"])
        run.average.load_state_dict(saved["average"])
        run.optimiser.load_state_dict(saved["optimiser"])
        run.spent, run.step = saved["spent"], saved["step"]
        run.rng.manual_seed(recipe["seed"] + run.step)
    return run


def _run_save(run: _Run, work: Path) -> None:
    """``image-state.pt`` and ``image.pt``, each replaced at once."""
    checkpoint = {
        "both": run.both.state_dict(),
        "average": run.average.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "spent": run.spent,
        "step": run.step,
    }
    for name, content in (("image-state", checkpoint), ("image", run.average.state_dict())):
        torch.save(content, work / f"{name}.part")
        (work / f"{name}.part").rename(work / f"{name}.pt")


def _run_step(
    run: _Run, teaching: Teaching, batch: CropBatch, opts: dict[str, Any], rate: float
) -> dict[str, float]:
    """One step of the optimiser and of the running average; the terms of the loss."""
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    found = losses(run.tower.train(), run.hints, teaching, batch, run.rng)
    loss = torch.stack([opts["weights"][k] * v for k, v in found.items()]).sum()
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
    nn.utils.clip_grad_norm_(run.both.parameters(), opts["clip"])
    run.optimiser.step()
    run.step += 1
    average_update(run.average, run.tower, min(opts["average"], run.step / (run.step + 100)))
    return {name: float(value.detach()) for name, value in found.items()}


def _epoch(work: Path, run: _Run, seed: int, batch: int) -> Iterator[NDArray[np.void]]:
    """Batches of records of every crop that is there by now, shuffled."""
    chunks = chunks_open(work / "crops")
    rows = list(order(chunks, np.random.default_rng((seed, run.step))))
    for start in range(0, len(rows) - batch, batch):
        yield np.stack([chunks[c][r] for c, r in rows[start : start + batch]])


def image_train(recipe: dict[str, Any], data: Path, work: Path, *, seconds: float) -> Path:
    """Train for ``seconds`` of wall clock, earlier runs in ``work`` counted in.

    Gives the path of the averaged tower, ``image.pt``; ``image-state.pt`` is to go on from. A new
    run begins with ``image-start.safetensors`` (a starter bundle's ``image.safetensors``) if that
    is there. Losses go to standard error, one JSON line for 100 steps.
    """
    torch.manual_seed(recipe["seed"])
    torch.set_num_threads(recipe["threads"])
    torch.set_flush_denormal(True)
    opts = recipe["train"]
    teaching = teaching_prepare(recipe, data, work)
    run = _run_start(recipe, teaching, work / "image-state.pt")
    started, saved_at = time.monotonic() - run.spent, run.spent
    totals: dict[str, float] = {}
    while run.spent < seconds:
        for records in _epoch(work, run, recipe["seed"], opts["batch"]):
            progress = run.spent / seconds
            size = size_at(progress, opts["stages"])
            batch = batch_make(records, size=size, rng=run.rng, flip=run.step % 2 == 1)
            rate = rate_at(progress, opts["peak"], opts["warm"])
            for name, value in _run_step(run, teaching, batch, opts, rate).items():
                totals[name] = totals.get(name, 0.0) + value / REPORT_STEPS
            run.spent = time.monotonic() - started
            if run.step % REPORT_STEPS == 0:
                line = {k: round(v, 4) for k, v in totals.items()}
                report = {"step": run.step, "spent": round(run.spent), **line}
                sys.stderr.write(json.dumps(report) + "\n")
                totals = {}
            if run.spent - saved_at > opts["save_every"] or run.spent >= seconds:
                _run_save(run, work)
                saved_at = run.spent
            if run.spent >= seconds:
                break
    return work / "image.pt"


if __name__ == "__main__":
    image_train(
        tomllib.loads(Path(sys.argv[1]).read_text()),
        Path(sys.argv[2]),
        Path(sys.argv[3]),
        seconds=float(sys.argv[4]),
    )
