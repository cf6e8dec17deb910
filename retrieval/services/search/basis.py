"""What a search was computed with, as its record names it: nothing of it is secret or personal."""

from __future__ import annotations

from typing import Any

from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach

FORMAT = 1


def basis_of(*, reach: Reach, query: Query) -> dict[str, Any]:
    """The versions of the models that were compared with, by ref, and the bridges that carried.

    A manifest's hash covers every file of its bundle, so it stands for weights, preprocessing,
    reference bank and card together; a bridge's hash is its file's.
    """
    return {
        "format": FORMAT,
        "models": {
            model.ref: {
                "id": str(model.id),
                "space": model.space,
                "manifest_sha256": model.manifest_sha256,
            }
            for model in reach.models
            if model.ref in query.models
        },
        "bridges": {one.bridge.ref: one.bridge.sha256 for one in query.carried.values()},
    }
