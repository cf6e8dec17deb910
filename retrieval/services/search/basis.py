"""What a search was computed with, as its record names it: nothing of it is secret or personal."""

from __future__ import annotations

import hashlib
from typing import Any

from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.vectors import shard_map

FORMAT = 1


def basis_of(*, reach: Reach, query: Query) -> dict[str, Any]:
    """What could make the same question find something else another time.

    The versions of the models that were compared with, by ref, the bridges that carried, stamps of
    the calibrations and of the map of shards. A manifest's hash covers every file of its bundle, so
    it stands for weights, preprocessing, reference bank and card together; a bridge's hash is its
    file's.
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
        "calibrations": calibrations_stamp(reach),
        "index": str(shard_map.current().stamp or ""),
    }


def calibrations_stamp(reach: Reach) -> str:
    """Changes when any calibration that a search could use is another one: 64 hex digits."""
    ids = sorted(str(one.id) for one in reach.calibrations)
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
