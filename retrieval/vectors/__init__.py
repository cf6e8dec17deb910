"""The only place that touches the engine in which vectors lie."""

from retrieval.vectors.base import (
    NO_FILTER,
    AssetFilter,
    Neighbour,
    StoredRow,
    Vector,
    VectorBackend,
    VectorRequest,
    VectorRow,
)
from retrieval.vectors.catalogue import backend, tables

__all__ = [
    "NO_FILTER",
    "AssetFilter",
    "Neighbour",
    "StoredRow",
    "Vector",
    "VectorBackend",
    "VectorRequest",
    "VectorRow",
    "backend",
    "tables",
]
