"""The image recipe's first step: crops and the teacher's answers for them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from retrieval.alignment.crops import chunks_compute, jobs_list
from retrieval.alignment.photos import Photo, PhotoSource, photos_list
from retrieval.alignment.teachers import ImageTeacher


def sources_of(recipe: dict[str, Any]) -> list[PhotoSource]:
    """The photo sources a recipe names."""
    return [
        PhotoSource(name=s["name"], crops=s["crops"], held_out=s.get("held_out", 0.0))
        for s in recipe["source"]
    ]


def training_photos(recipe: dict[str, Any], data: Path) -> list[Photo]:
    """All photos a recipe trains on; a crop's ``photo`` is an index into this list."""
    return [
        photo for source in sources_of(recipe) for photo in photos_list(data=data, source=source)
    ]


def image_targets_compute(recipe: dict[str, Any], data: Path, work: Path) -> None:
    """Compute chunks of crops still missing under ``work``; several processes may share it."""
    photos = training_photos(recipe, data)
    crops = {source.name: source.crops for source in sources_of(recipe)}
    jobs = jobs_list(photos, crops, seed=recipe["seed"])
    teacher = ImageTeacher(data / recipe["teacher"])
    done = chunks_compute(
        photos=photos,
        jobs=jobs,
        teacher=teacher,
        out=work,
        chunk=recipe["chunk"],
        seed=recipe["seed"],
    )
    for path in done:
        sys.stderr.write(f"{path.name} of {len(jobs)} crops\n")


if __name__ == "__main__":
    image_targets_compute(
        tomllib.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), Path(sys.argv[3])
    )
