"""The last layer is fitted once more on what the finished network sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from retrieval.alignment.anchors import Anchors
from retrieval.alignment.image_head import Seen, head_refit, mirrored_mean, photos_see
from retrieval.alignment.image_student import ImageStudent
from retrieval.alignment.photos import Photo

OPTS = {"steps": 150, "batch": 32, "peak": 1e-2, "dropout": 0.1}


def test_a_refitted_head_finds_the_texts_of_photos() -> None:
    torch.manual_seed(0)
    photo = torch.arange(96) % 6
    kinds = torch.rand(6, 24)
    plain = kinds[photo] + 0.05 * torch.randn(96, 24)
    mirrored = kinds[photo] + 0.05 * torch.randn(96, 24)
    # Two texts of each photo; photo 5 and photo 4 are of one group.
    texts = np.eye(12, dtype=np.float32)
    anchors = Anchors(texts, np.repeat(np.arange(6), 2), np.array([0, 1, 2, 3, 4, 4]))
    head = torch.nn.Linear(24, 12)
    seen = Seen(plain, mirrored, photo, torch.ones(96))
    last = head_refit(head, seen, anchors, OPTS, seed=1)
    found = anchors.group[
        (mirrored_mean(head, plain, mirrored) @ torch.from_numpy(texts).T).argmax(1)
    ]
    assert last < 1.5
    assert (found == anchors.photo_group[photo]).mean() > 0.95
    assert not any(p.requires_grad for p in head.parameters())


def test_photos_that_are_never_drawn_teach_nothing() -> None:
    plain = torch.full((4, 8), float("nan"))
    plain[:2] = torch.eye(8)[:2]
    anchors = Anchors(np.eye(8, dtype=np.float32), np.arange(8), np.array([0, 1, 2, 3]))
    head = torch.nn.Linear(8, 8)
    seen = Seen(plain, plain, torch.arange(4), torch.tensor([0.5, 0.5, 0.0, 0.0]))
    head_refit(head, seen, anchors, {**OPTS, "steps": 2, "batch": 2}, seed=1)
    assert bool(torch.isfinite(head.weight).all())


def test_a_mirrored_photo_is_seen_mirrored(tmp_path: Path) -> None:
    torch.manual_seed(0)
    cfg = {"timm_model_name": "test_resnet", "timm_pool": "avg", "timm_proj": "", "image_size": 64}
    student = ImageStudent(cfg, dimension=8).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name, rows in (("a", pixels), ("b", pixels[:, ::-1])):
        Image.fromarray(rows).save(tmp_path / f"{name}.png")
    photos = [Photo("s", tmp_path / f"{name}.png") for name in "ab"]
    plain, mirrored = photos_see(student, photos, 64)
    assert torch.allclose(plain[0], mirrored[1], atol=1e-5)
    assert not torch.allclose(plain[0], plain[1], atol=1e-3)
    with torch.no_grad():
        assert student.head(plain).shape == (2, 8)
