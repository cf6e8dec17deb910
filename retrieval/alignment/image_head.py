"""The image tower's last layer fitted once more, on what the finished network sees of whole photos.

The network itself stays as it is. Cheap: each photo is looked at twice, plain and mirrored, and
what remains is a linear map on 1280 numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.anchors import Anchors, photo_anchors
from retrieval.alignment.image_student import ImageStudent
from retrieval.alignment.image_targets import training_photos
from retrieval.alignment.photos import Photo

SAME = 0.75  # cosine of two texts from which neither counts as wrong for the other's photo
FIRST_SCALE = 20.0
SCALE_RATE = 1e-2
BATCH = 64


@dataclass(frozen=True)
class Seen:
    """What the network sees of n photos and of their mirror images, (n, width) each.

    ``photo`` (n,): indices into the recipe's photos; ``share`` (n,): how likely each is drawn.
    """

    plain: Tensor
    mirrored: Tensor
    photo: Tensor
    share: Tensor


@torch.inference_mode()
def photos_see(student: ImageStudent, photos: list[Photo], size: int) -> tuple[Tensor, Tensor]:
    """Pooled features of photos squashed to ``size`` pixels, and of their mirror images."""
    plain, mirrored = [], []
    for start in range(0, len(photos), BATCH):
        rows = []
        for photo in photos[start : start + BATCH]:
            with Image.open(photo.path) as opened:
                small = opened.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
            rows.append(np.asarray(small))
        pixels = torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).float() / 255
        plain.append(student.pooled(student.features(pixels)[-1]))
        mirrored.append(student.pooled(student.features(pixels.flip(3))[-1]))
    return torch.cat(plain), torch.cat(mirrored)


def mirrored_mean(head: nn.Linear, plain: Tensor, mirrored: Tensor) -> Tensor:
    """What the shipped tower answers: the mean direction of a picture and its mirror image."""
    one, other = (functional.normalize(head(rows), dim=1) for rows in (plain, mirrored))
    return functional.normalize(one + other, dim=1)


def head_refit(
    head: nn.Linear, seen: Seen, anchors: Anchors, opts: dict[str, Any], *, seed: int
) -> float:
    """Go on fitting ``head`` in place, by InfoNCE with a learnt temperature; the last loss.

    Every photo drawn brings one of its texts; the texts of the others are wrong for it, but for
    those of its group and those that say nearly the same.
    """
    rng = torch.Generator().manual_seed(seed)
    texts, text_group = torch.from_numpy(anchors.vectors), torch.from_numpy(anchors.group)
    order = torch.argsort(text_group, stable=True)
    counts = torch.bincount(text_group)
    firsts = torch.cumsum(counts, 0) - counts
    group = torch.from_numpy(anchors.photo_group)[seen.photo]
    scale = torch.tensor(FIRST_SCALE).log().requires_grad_()
    head.requires_grad_()
    groups: list[dict[str, Any]] = [
        {"params": list(head.parameters())},
        {"params": [scale], "lr": SCALE_RATE},
    ]
    optimiser = torch.optim.Adam(groups)
    right = torch.arange(opts["batch"])
    loss = torch.zeros(())
    for step in range(opts["steps"]):
        optimiser.param_groups[0]["lr"] = opts["peak"] * (1 - step / opts["steps"])
        rows = torch.multinomial(seen.share, opts["batch"], generator=rng)
        own = group[rows]
        pick = (torch.rand(len(own), generator=rng) * counts[own]).long()
        said = texts[order[firsts[own] + pick]]
        views = (functional.dropout(v[rows], opts["dropout"]) for v in (seen.plain, seen.mirrored))
        logits = mirrored_mean(head, *views) @ said.T * scale.exp()
        alike = (said @ said.T > SAME) | (own[:, None] == own[None])
        logits = logits.masked_fill(alike & ~torch.eye(len(own), dtype=torch.bool), -1e4)
        cross = functional.cross_entropy
        loss = (cross(logits, right) + cross(logits.T, right)) / 2
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        optimiser.step()
    head.requires_grad_(requires_grad=False)
    return float(loss.detach())


def image_head(recipe: dict[str, Any], data: Path, work: Path) -> Path:
    """Refit the head of ``work/image-trained.pt``; the tower with it is ``work/image.pt``.

    What the network sees is kept in ``work/image-seen.pt``.
    """
    opts = recipe["head"]
    photos = training_photos(recipe, data)
    anchors = photo_anchors(recipe, data, photos, work / "anchors.npz")
    student = ImageStudent(recipe["vision_cfg"], dimension=anchors.vectors.shape[1]).eval()
    student.load_state_dict(torch.load(work / "image-trained.pt", weights_only=True))
    wanted = [i for i, p in enumerate(photos) if opts["share"].get(p.source, 0) > 0]
    kept = work / "image-seen.pt"
    if kept.is_file():
        plain, mirrored = torch.load(kept, weights_only=True)
    else:
        plain, mirrored = photos_see(
            student, [photos[i] for i in wanted], recipe["vision_cfg"]["image_size"]
        )
        torch.save((plain, mirrored), kept)
    count: dict[str, int] = {}
    for i in wanted:
        count[photos[i].source] = count.get(photos[i].source, 0) + 1
    share = [opts["share"][photos[i].source] / count[photos[i].source] for i in wanted]
    seen = Seen(plain.float(), mirrored.float(), torch.tensor(wanted), torch.tensor(share))
    torch.manual_seed(recipe["seed"])
    head_refit(student.head, seen, anchors, opts, seed=recipe["seed"])
    torch.save(student.state_dict(), work / "image.part")
    (work / "image.part").rename(work / "image.pt")
    return work / "image.pt"
