"""A query carried over a bridge, into a space that has no tower for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import structlog

from retrieval.bridges import Bridge, BridgeError
from retrieval.encoders.base import unit_rows
from retrieval.selectors.bridges import ActiveBridge
from retrieval.selectors.models import ActiveModel
from retrieval.vectors import Vector

logger = structlog.get_logger("vitrine.search")


# Pictures are nearer to pictures, and sounds to sounds, than either is to words, so in a plain sum
# the words hardly count. Measured with the starter (README.md of retrieval/lexical): counted four
# times, "this photo, with ..." finds the photo meant at a mean reciprocal rank of .094 instead of
# .060, and a sound with its label others of the label at a mAP@10 of .77 instead of .71; both
# better than late fusion of the parts (.086 and .75).
WORDS_COUNT = 4.0


def composed(parts: Sequence[Vector], components: Sequence[str]) -> Vector:
    """The sum ``(d,)`` of a query's parts, float32; beside something else words count more.

    Not normalised: parts that contradict each other may leave nothing.
    """
    words = WORDS_COUNT if len(components) > 1 else 1.0
    weights = [words if component == "text" else 1.0 for component in components]
    total: Vector = np.asarray(np.array(weights, np.float32) @ np.stack(parts), np.float32)
    return total


@dataclass(frozen=True)
class Carried:
    """A query in the target's space, float32 ``(d,)`` of length 1, and what it may find there.

    ``modalities`` are those that the target embeds and the query's own space does not: for the
    others the query's own space answers better than any bridge. ``own`` are the query's components
    that the target's own towers took.
    """

    vector: Vector
    own: frozenset[str]
    bridge: ActiveBridge
    modalities: tuple[str, ...]


def carried_into(
    target: ActiveModel,
    *,
    models: Sequence[ActiveModel],
    bridges: Sequence[ActiveBridge],
    components: Sequence[str],
    parts: Mapping[str, Sequence[Vector | None]],
) -> Carried | None:
    """The query in the space of ``target``, over the first bridge that leads there; or none.

    ``parts``: by model ref, a vector for each of ``components``, None where it has no such tower.
    What the target's own towers take is not carried. A bridge whose file is missing or is not the
    one that was learnt is passed over, and logged.
    """
    known = {model.ref: model for model in models}
    for bridge in bridges:
        if bridge.target != target.ref or bridge.source not in known:
            continue
        left = [m for m in target.modalities if m not in known[bridge.source].modalities]
        there = _parts(bridge, components, parts[bridge.source], parts[target.ref])
        if left and there is not None:
            own = [c for c, p in zip(components, parts[target.ref], strict=True) if p is not None]
            fused = unit_rows(composed(there, components)[np.newaxis])[0]
            return Carried(fused, frozenset(own), bridge, tuple(left))
    return None


def _parts(
    bridge: ActiveBridge,
    components: Sequence[str],
    source: Sequence[Vector | None],
    target: Sequence[Vector | None],
) -> tuple[Vector, ...] | None:
    """The target's own vectors, the source's carried where it has none; None if one is missing."""
    if any(mine is None and theirs is None for mine, theirs in zip(source, target, strict=True)):
        return None
    try:
        mapped = _loaded(bridge.path, bridge.sha256)
    except (OSError, BridgeError):
        logger.warning("bridge_unusable", file=bridge.path.name)
        return None
    found: list[Vector] = []
    for component, mine, theirs in zip(components, source, target, strict=True):
        if theirs is not None:
            found.append(theirs)
        elif mine is not None and mapped.carries(component):
            found.append(mapped.apply(mine, modality=component))
        else:
            return None
    return tuple(found)


@lru_cache(maxsize=8)
def _loaded(path: Path, sha256: str) -> Bridge:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BridgeError("the file is not the one that was learnt")
    return Bridge.from_bytes(data)
