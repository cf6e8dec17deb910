"""What a vector store must do, whichever engine it is. Postgres decides on permission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

# How far a unit vector's length may be from 1: halfvec keeps 11 significant bits (IEEE 754
# binary16), so the stored length differs by at most about 2**-11; anything above is a vector that
# was never normalised.
UNIT_TOLERANCE = 1e-2


@dataclass(frozen=True, kw_only=True)
class VectorRow:
    """One segment's vector as it is stored: float32 ``(d,)``, L2-normalised."""

    segment_id: int
    asset_id: UUID
    collection_id: UUID
    modality: str
    vector: Vector


@dataclass(frozen=True, kw_only=True)
class StoredRow:
    """What is stored beside a segment's vector."""

    segment_id: int
    asset_id: UUID
    collection_id: UUID
    modality: str
    searchable: bool


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """One segment near a query. ``similarity`` is the cosine: higher is nearer.

    ``route`` says how it was found: ``exact``; ``hnsw`` (an approximate index); ``fallback``
    (compared exactly after an index gave too few).
    """

    segment_id: int
    asset_id: UUID
    collection_id: UUID
    modality: str
    similarity: float
    route: str = field(default="exact", compare=False)


@dataclass(frozen=True, kw_only=True)
class AssetFilter:
    """What an asset must be to be found at all; an empty filter lets everything through.

    ``captured_after`` is inclusive, ``captured_before`` exclusive; ``metadata`` must be contained
    in the asset's.
    """

    captured_after: datetime | None = None
    captured_before: datetime | None = None
    source: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return self == NO_FILTER


NO_FILTER = AssetFilter()


@dataclass(frozen=True, kw_only=True)
class VectorRequest:
    """One table asked: what ``VectorBackend.search`` takes."""

    table: str
    query: Vector
    collections: Sequence[UUID]
    modalities: Sequence[str]
    top_k: int
    where: AssetFilter = NO_FILTER
    without_asset: UUID | None = None


class VectorBackend(Protocol):
    """A store of one table of unit vectors a model version.

    Every call runs inside a ``retrieval.scope``. Implementations never return a row outside
    ``collections``, a row that is not searchable, or a row that ``where`` leaves out, and no such
    row changes what is returned.
    """

    def search(
        self,
        *,
        table: str,
        query: Vector,
        collections: Sequence[UUID],
        modalities: Sequence[str],
        top_k: int,
        where: AssetFilter = NO_FILTER,
        without_asset: UUID | None = None,
    ) -> list[Neighbour]:
        """The ``top_k`` nearest segments of each modality, nearest first within a modality.

        Exact, or from an index that misses at most one in a hundred of them. Fewer than ``top_k``
        of a modality come back only where fewer exist. Raises ``ValueError``
        for a query that is not a finite unit vector.
        """

    def search_many(self, requests: Sequence[VectorRequest]) -> list[list[Neighbour]]:
        """What ``search`` returns for each of ``requests``, in their order, asked all at once."""

    def upsert(self, *, table: str, rows: Sequence[VectorRow], searchable: bool = True) -> None:
        """Store or replace the vectors of segments."""

    def set_searchable(self, *, table: str, asset_ids: Sequence[UUID], searchable: bool) -> int:
        """Show or hide all vectors of assets; the number of rows changed."""

    def delete(self, *, table: str, asset_ids: Sequence[UUID]) -> int:
        """Remove all vectors of assets; the number of rows removed."""

    def delete_segments(self, *, table: str, segment_ids: Sequence[int]) -> int:
        """Remove the vectors of single segments; the number of rows removed."""

    def listed(self, *, table: str, after: int, to: int | None = None) -> list[StoredRow]:
        """Rows of segments with ``after < id <= to``, or all after, by id; hidden ones included."""

    def count(self, *, table: str, collections: Sequence[UUID] | None = None) -> int:
        """Rows of the collections, or all that the scope shows; hidden ones included."""

    def fetch(self, *, table: str, asset_id: UUID, modality: str = "") -> Vector:
        """The searchable vectors of one asset in order of segment: float32 ``(n, d)``.

        Of segments of one modality where that is named. ``(0, 0)`` where there are none.
        """


def checked(vector: Vector) -> Vector:
    """``vector`` as a contiguous float32 ``(d,)``.

    Raises:
        ValueError: wrong rank, a value that is not finite, or a length that is not 1.
    """
    array = np.ascontiguousarray(vector, dtype=np.float32)
    if array.ndim != 1:
        raise ValueError(f"expected a vector of rank 1, got shape {array.shape}")
    length = float(np.linalg.norm(array))
    if not np.isfinite(length) or abs(length - 1.0) > UNIT_TOLERANCE:
        raise ValueError("expected a finite vector of length 1")
    return array
