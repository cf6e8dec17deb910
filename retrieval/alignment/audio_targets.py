"""The audio recipe's first step: varied clips and the teacher's answers for them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from retrieval.alignment.sounds import Clip, clips_list, variants_compute
from retrieval.alignment.teachers import AudioTeacher


def training_clips(recipe: dict[str, Any], data: Path) -> list[Clip]:
    """All clips a recipe trains on."""
    return clips_list(
        folder=data / recipe["clips"], folds=frozenset(recipe["folds"]), held_out=recipe["held_out"]
    )


def audio_targets_compute(recipe: dict[str, Any], data: Path, work: Path) -> None:
    """Compute whatever rounds are missing under ``work``; several processes may share the work."""
    done = variants_compute(
        clips=training_clips(recipe, data),
        teacher=AudioTeacher(data / recipe["teacher"]),
        out=work,
        rounds=recipe["rounds"],
        seed=recipe["seed"],
    )
    for path in done:
        sys.stderr.write(f"{path.name} of {recipe['rounds']} rounds\n")


if __name__ == "__main__":
    audio_targets_compute(
        tomllib.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), Path(sys.argv[3])
    )
