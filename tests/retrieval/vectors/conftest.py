from __future__ import annotations

import uuid

import numpy as np
import pytest

from retrieval import scope
from retrieval.models import Asset, Collection
from retrieval.vectors import ddl
from retrieval.vectors.base import VectorRow

DIMENSION = 16
TABLE = "vectors_conformance"


@pytest.fixture
def table(django_db_setup, django_db_blocker):
    """A vector table made by the owner before the test's transaction begins."""
    with django_db_blocker.unblock():
        ddl.create_table(table=TABLE, dimension=DIMENSION)
    return TABLE


def unit_vectors(count: int, *, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """Float32 ``(count, dimension)``, rows L2-normalised, the same for the same seed."""
    made = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def rows_of(
    vectors: np.ndarray, *, collection: uuid.UUID, modality: str = "image", first: int = 1
) -> list[VectorRow]:
    """One asset and one segment a vector."""
    return [
        VectorRow(
            segment_id=first + number,
            asset_id=uuid.UUID(int=first + number),
            collection_id=collection,
            modality=modality,
            vector=vector,
        )
        for number, vector in enumerate(vectors)
    ]


@pytest.fixture
def system():
    with scope.system():
        yield


@pytest.fixture
def make_asset():
    """An asset row for what filters ask about."""

    def make(**fields) -> Asset:
        collection = Collection.objects.create(name="of an asset")
        return Asset.objects.create(
            collection=collection, digest=uuid.uuid4().bytes, size_bytes=1, **fields
        )

    return make
