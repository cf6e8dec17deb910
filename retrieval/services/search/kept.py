"""What is kept of a query for a while, encrypted: enough to search the very same again.

The redacted words, the filters' values and every vector that was compared: by model version, also
what came over a bridge and the parts of a composed query. Of a file only what tells it apart. It
travels as one framed message into ``audit.searches``, which encrypts it under a key of this search
alone; nothing of it lies anywhere in plain.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from audit.ids import Ids
from audit.models import SearchRecord
from audit.searches import kept_query
from retrieval import framing
from retrieval.services.search.checks import Checked
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach
from retrieval.services.search.types import SearchFilters
from retrieval.vectors import Vector

FORMAT = 1
_MOMENTS = ("captured_after", "captured_before")


@dataclass(frozen=True, kw_only=True)
class KeptCarried:
    """A query's vector in a space that it reached over ``bridge``; see ``carrying.Carried``."""

    vector: Vector = field(repr=False)
    bridge: str
    own: frozenset[str]
    modalities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A kept query. Vectors are float32 ``(d,)`` of length 1, by model ref.

    ``parts`` holds a vector, or None, for each of ``components``. ``held``: by model ref, the
    places in the record's collections that were searched with it; None stands for all of them.
    A query of an older form has words only: ``complete`` says whether it can be searched again.
    """

    text: str | None = field(default=None, repr=False)
    asset: UUID | None = None
    components: tuple[str, ...] = ()
    canonical: bytes = field(default=b"", repr=False)
    filters: SearchFilters = field(default_factory=SearchFilters, repr=False)
    vectors: Mapping[str, Vector] = field(default_factory=dict, repr=False)
    carried: Mapping[str, KeptCarried] = field(default_factory=dict, repr=False)
    parts: Mapping[str, Sequence[Vector | None]] = field(default_factory=dict, repr=False)
    held: Mapping[str, list[int] | None] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether there is what a search needs."""
        return bool(self.components)

    def vector_for(self, ref: str) -> Vector | None:
        """What was compared with the vectors of this version, if anything was."""
        carried = self.carried.get(ref)
        return carried.vector if carried else self.vectors.get(ref)


def kept_pack(*, asked: Checked, reach: Reach, query: Query) -> bytes:
    """What is to be kept of a query, as ``kept_query_of`` reads it."""
    arrays: list[Vector] = []

    def put(vector: Vector | None) -> int | None:
        if vector is None:
            return None
        arrays.append(np.asarray(vector, dtype=np.float32))
        return len(arrays) - 1

    filters = asked.request.filters
    data: dict[str, object] = {
        "format": FORMAT,
        "query": json.loads(query.canonical),
        "components": list(query.components),
        "filters": {
            name: moment.isoformat() for name in _MOMENTS if (moment := getattr(filters, name))
        }
        | {"source": filters.source, "metadata": filters.metadata},
        "vectors": {ref: put(vector) for ref, vector in query.vectors.items()},
        "carried": {
            ref: {
                "at": put(one.vector),
                "bridge": one.bridge.ref,
                "own": sorted(one.own),
                "modalities": list(one.modalities),
            }
            for ref, one in query.carried.items()
        },
        # A query of one part is that part.
        "parts": {ref: [put(part) for part in parts] for ref, parts in query.parts.items()}
        if len(query.components) > 1
        else {},
        "held": _places(reach),
    }
    return framing.pack_arrays(data, arrays)


def _places(reach: Reach) -> dict[str, list[int] | None]:
    return {
        ref: None if held == reach.collections else _among(held, reach.collections)
        for ref, held in reach.held.items()
    }


def _among(held: Ids, collections: Ids) -> list[int]:
    return [number for number, one in enumerate(collections) if one in held.frozen]


def kept_query_of(record: SearchRecord) -> Kept | None:
    """What is kept of the query of ``record``; None once its time is over."""
    data = kept_query(record)
    return None if data is None else kept_read(data)


def kept_read(data: bytes) -> Kept:
    """What ``kept_pack`` packed, or an older form of it."""
    if data.startswith(b"{"):  # before vectors were kept: the query alone
        return _words(json.loads(data))
    found, arrays = framing.unpack_arrays(data)

    def take(at: int | None) -> Vector | None:
        return None if at is None else arrays[at]

    components = tuple(found["components"])
    vectors = {ref: arrays[at] for ref, at in found["vectors"].items()}
    parts = {ref: [take(at) for at in places] for ref, places in found["parts"].items()}
    words = _words(found["query"])
    return Kept(
        text=words.text,
        asset=words.asset,
        canonical=words.canonical,
        components=components,
        filters=_filters(found["filters"]),
        vectors=vectors,
        carried=dict(_carried(found["carried"], arrays)),
        parts=parts if len(components) > 1 else {ref: [one] for ref, one in vectors.items()},
        held=found["held"],
    )


def _carried(
    found: Mapping[str, Any], arrays: Sequence[Vector]
) -> Iterator[tuple[str, KeptCarried]]:
    for ref, one in found.items():
        yield (
            ref,
            KeptCarried(
                vector=arrays[one["at"]],
                bridge=one["bridge"],
                own=frozenset(one["own"]),
                modalities=tuple(one["modalities"]),
            ),
        )


def _words(query: Mapping[str, str]) -> Kept:
    return Kept(
        text=query.get("text"),
        asset=UUID(query["asset"]) if "asset" in query else None,
        canonical=json.dumps(
            query, sort_keys=True, ensure_ascii=False, separators=(",", ":")
        ).encode(),
    )


def _filters(found: Mapping[str, Any]) -> SearchFilters:
    moments = {
        name: datetime.fromisoformat(found[name]) if name in found else None for name in _MOMENTS
    }
    return SearchFilters(source=found["source"], metadata=found["metadata"], **moments)
