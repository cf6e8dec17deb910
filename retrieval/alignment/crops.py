"""Crops of photos with the image teacher's answers, computed once and kept in chunk files.

A chunk is one ``.npy`` file of records. Chunks are claimed with lock files, so that several
processes can share the work and a killed one loses at most one chunk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.alignment.photos import Photo
from retrieval.alignment.teachers import MOBILENET_SIZE, ImageTeacher

STUDENT_SIZE = 160
FLIPPED = 0.5  # share of crops that are mirrored before either network sees them
CROP = np.dtype(
    [
        ("image", np.uint8, (STUDENT_SIZE, STUDENT_SIZE, 3)),
        ("h8", np.int8, (28, 28, 32)),
        ("h16", np.int8, (14, 14, 96)),
        ("h32", np.int8, (7, 7, 320)),
        ("pool", np.int8, (1280,)),
        ("photo", np.int32),
        ("whole", np.bool_),
    ]
)


@dataclass(frozen=True)
class CropJob:
    """One crop to make: which photo, and its round (round 0 is the whole photo)."""

    photo: int
    round: int


def jobs_list(photos: list[Photo], crops: dict[str, int], *, seed: int) -> list[CropJob]:
    """All crops in the order they are computed: round by round, shuffled inside a round."""
    rng = np.random.default_rng(seed)
    jobs: list[CropJob] = []
    for turn in range(max(crops.values())):
        members = [i for i, photo in enumerate(photos) if turn < crops[photo.source]]
        jobs.extend(CropJob(photo=int(i), round=turn) for i in rng.permutation(members))
    return jobs


def crop_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a random crop: area 25 % to 100 %, aspect 3:4 to 4:3."""
    width, height = size
    for _ in range(10):
        area = width * height * rng.uniform(0.25, 1.0)
        aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = np.sqrt(area * aspect), np.sqrt(area / aspect)
        if w <= width and h <= height:
            left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
            return left, top, left + w, top + h
    return 0.0, 0.0, float(width), float(height)


def crop_record(
    image: Image.Image, job: CropJob, teacher: ImageTeacher, rng: np.random.Generator
) -> NDArray[np.void]:
    """One record of dtype ``CROP``: the student's pixels, and the teacher's maps of the same."""
    whole = job.round == 0
    box = (0.0, 0.0, float(image.width), float(image.height))
    if not whole:
        box = crop_box(image.size, rng)
    large = image.resize((MOBILENET_SIZE, MOBILENET_SIZE), Image.Resampling.BILINEAR, box=box)
    small = image.resize((STUDENT_SIZE, STUDENT_SIZE), Image.Resampling.BILINEAR, box=box)
    pixels, view = np.asarray(large), np.asarray(small)
    if rng.random() < FLIPPED:
        pixels, view = np.ascontiguousarray(pixels[:, ::-1]), view[:, ::-1]
    record = np.zeros((), CROP)
    record["image"] = view
    for name, value in teacher.features(pixels).items():
        record[name] = value
    record["photo"], record["whole"] = job.photo, whole
    return record


def chunks_compute(
    *,
    photos: list[Photo],
    jobs: list[CropJob],
    teacher: ImageTeacher,
    out: Path,
    chunk: int,
    seed: int,
) -> Iterator[Path]:
    """Compute chunks nobody has claimed yet, and give the path of each as it is finished."""
    out.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(jobs), chunk):
        path = out / f"crops-{start:07d}.npy"
        try:
            os.close(os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        rng = np.random.default_rng((seed, start))
        records = []
        for job in jobs[start : start + chunk]:
            with Image.open(photos[job.photo].path) as image:
                records.append(crop_record(image.convert("RGB"), job, teacher, rng))
        partial = path.with_suffix(".part.npy")
        np.save(partial, np.stack(records))
        partial.rename(path)
        yield path
