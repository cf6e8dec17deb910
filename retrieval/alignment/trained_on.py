"""What a folder of trained towers says of the datasets they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TRAINED_ON = "trained-on.json"


def trained_on(work: Path) -> dict[str, list[dict[str, Any]]]:
    """By kind of tower, the datasets it was trained on: ``{"dataset", "id", "used", …}`` each."""
    try:
        said: dict[str, list[dict[str, Any]]] = json.loads(
            (work / TRAINED_ON).read_text(encoding="utf-8")
        )
    except FileNotFoundError:
        return {}
    return said


def training_in(work: Path) -> list[dict[str, Any]]:
    """The member ``training`` of a bundle's manifest: every dataset of every tower, once."""
    every = {one["id"]: one for some in trained_on(work).values() for one in some}
    return list(every.values())
