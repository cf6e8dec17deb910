"""Running a recipe from its data to its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class RecipeError(ValueError):
    """A recipe that says too little."""


def recipe_run(
    recipe: dict[str, Any], data: Path, work: Path, *, seconds: float | None = None
) -> Path:
    """Targets first, as far as they are missing, then training; path of the weights.

    Raises:
        RecipeError: the recipe's kind is unknown.
        TeacherUnavailableError: ai-edge-litert or the teacher's file is missing.
    """
    budget = recipe["train"]["seconds"] if seconds is None else seconds
    if recipe.get("kind") == "image":
        from retrieval.alignment.image_head import image_head
        from retrieval.alignment.image_targets import image_targets_compute
        from retrieval.alignment.image_train import image_train

        image_targets_compute(recipe, data, work / "crops")
        image_train(recipe, data, work, seconds=budget).rename(work / "image-trained.pt")
        return image_head(recipe, data, work)
    if recipe.get("kind") == "audio":
        from retrieval.alignment.audio_targets import audio_targets_compute
        from retrieval.alignment.audio_train import audio_train

        audio_targets_compute(recipe, data, work / "sounds")
        return audio_train(recipe, data, work, seconds=budget)
    raise RecipeError("a recipe's kind is image or audio")
