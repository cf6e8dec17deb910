"""Which engine holds the vectors, and in which tables."""

from __future__ import annotations

from retrieval.models import VectorTable
from retrieval.vectors.base import VectorBackend
from retrieval.vectors.pgvector import PgvectorBackend

_BACKEND = PgvectorBackend()


def backend() -> VectorBackend:
    """The engine of this appliance."""
    return _BACKEND


def tables() -> list[str]:
    """Every vector table, of active and of retired model versions alike. One query."""
    return list(VectorTable.objects.order_by("table").values_list("table", flat=True))
