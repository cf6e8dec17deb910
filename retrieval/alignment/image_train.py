"""Training of the image tower against a wall-clock budget; stops and goes on where it stopped."""

from __future__ import annotations

import copy
import json
import math
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

from retrieval.alignment.anchors import Anchors, photo_anchors
from retrieval.alignment.crop_data import CropBatch, batch_make, chunks_open, order
from retrieval.alignment.image_student import HINTS, HintHeads, TargetScale
from retrieval.alignment.image_targets import training_photos
from retrieval.alignment.objectives import contrast, imitation
from retrieval.alignment.teacher_head import head_fit
from retrieval.alignment.teachers import ImageTeacher
from retrieval.encoders.towers import ImageTower


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
    tower: ImageTower, hints: HintHeads, teaching: Teaching, batch: CropBatch, rng: torch.Generator
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


def image_train(recipe: dict[str, Any], data: Path, work: Path, *, seconds: float) -> Path:
    """Train for ``seconds`` of wall clock (earlier runs in ``work`` counted in); path of the result.

    Writes ``image.pt`` (averaged tower), ``image-state.pt`` (to go on from) and ``image.jsonl``.
    """
    torch.manual_seed(recipe["seed"])
    torch.set_num_threads(recipe["threads"])
    torch.set_flush_denormal(True)
    opts = recipe["train"]
    teaching = teaching_prepare(recipe, data, work)
    tower = ImageTower(
        recipe["architecture"], width=len(teaching.scales["pool"].mean),
        dimension=teaching.texts.shape[1], drop_path=opts["drop_path"],
    ).to(memory_format=torch.channels_last)
    tower.head.load_state_dict(teaching.head.state_dict())
    hints = HintHeads(tower, teaching.scales)
    both = nn.ModuleList([tower, hints])
    optimiser = optimiser_make(both, opts["peak"], opts["weight_decay"])
    average = copy.deepcopy(tower).eval()
    rng = torch.Generator().manual_seed(recipe["seed"])
    spent, step, state = 0.0, 0, work / "image-state.pt"
    if state.is_file():
        saved = torch.load(state, weights_only=True)
        both.load_state_dict(saved["both"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        spent, step = saved["spent"], saved["step"]
        rng.manual_seed(recipe["seed"] + step)
    started, saved_at, batch_size = time.monotonic() - spent, spent, opts["batch"]
    totals: dict[str, float] = {}
    while spent < seconds:
        chunks = chunks_open(work / "crops")
        rows = list(order(chunks, np.random.default_rng((recipe["seed"], step))))
        for start in range(0, len(rows) - batch_size, batch_size):
            progress = spent / seconds
            records = np.stack([chunks[c][r] for c, r in rows[start : start + batch_size]])
            batch = batch_make(
                records, size=size_at(progress, opts["stages"]), rng=rng, flip=step % 2 == 1
            )
            for group in optimiser.param_groups:
                group["lr"] = rate_at(progress, opts["peak"], opts["warm"])
            found = losses(tower.train(), hints, teaching, batch, rng)
            loss = torch.stack([opts["weights"][k] * v for k, v in found.items()]).sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
            nn.utils.clip_grad_norm_(both.parameters(), opts["clip"])
            optimiser.step()
            step += 1
            average_update(average, tower, min(opts["average"], step / (step + 100)))
            for name, value in found.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach())
            spent = time.monotonic() - started
            if step % 100 == 0:
                line = {k: round(v / 100, 4) for k, v in totals.items()}
                sys.stderr.write(json.dumps({"step": step, "spent": round(spent), **line}) + "\n")
                totals = {}
            if spent - saved_at > opts["save_every"] or spent >= seconds:
                checkpoint = {"both": both.state_dict(), "average": average.state_dict(),
                              "optimiser": optimiser.state_dict(), "spent": spent, "step": step}
                torch.save(checkpoint, state.with_suffix(".part"))
                state.with_suffix(".part").rename(state)
                torch.save(average.state_dict(), work / "image.part")
                (work / "image.part").rename(work / "image.pt")
                saved_at = spent
            if spent >= seconds:
                break
    return work / "image.pt"


if __name__ == "__main__":
    image_train(
        tomllib.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), Path(sys.argv[3]),
        seconds=float(sys.argv[4]),
    )
