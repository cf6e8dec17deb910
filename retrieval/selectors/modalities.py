"""Which modalities beside text, image and audio the models of now embed, and how they take them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrieval.selectors.models import ActiveModel, maintained_models

BASE = ("text", "image", "audio")


def modalities_embedded() -> list[str]:
    """Every modality that some maintained model embeds, the usual three first. One query."""
    found = dict.fromkeys(m for model in maintained_models() for m in sorted(model.modalities))
    return [m for m in BASE if m in found] + [m for m in found if m not in BASE]


def array_words(modality: str, models: Iterable[ActiveModel] | None = None) -> dict[str, Any]:
    """``modality`` and ``rate_hz`` for the redaction client; nothing for an ordinary file.

    ``rate_hz`` is how many rows a second the models read of a series; 0 for what is no series.
    """
    if not modality:
        return {}
    rate = 0
    for model in maintained_models() if models is None else models:
        tower = model.manifest.get("towers", {}).get(modality) or {}
        rate = rate or int(tower.get("input", {}).get("rate_hz", 0))
    return {"modality": modality, "rate_hz": rate}
