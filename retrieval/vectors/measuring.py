"""A few seconds' measurement on the machine itself, in a scratch table of the owner's session."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from retrieval.vectors.base import Vector
from retrieval.vectors.own_ddl import EF_CONSTRUCTION, M
from retrieval.vectors.tuning import DEFAULT

ROWS, DIMENSION = 4_000, 384
_SEARCHES = 25
_TOP_K = 10
# A search may spend about this long on comparing one collection's rows; past it an index pays.
_BUDGET_US = 10_000.0
# Under a filter an index looks at many rows in vain: for one that passes in a hundred it costs as
# much as comparing some 25,000 exactly where 20,000 fit the budget.
_LISTED_FOR = 1.25
_OWN_ROWS = (5_000, 100_000)
_LISTED = (10_000, 50_000)


@dataclass(frozen=True)
class Measured:
    """Microseconds a row compared exactly, and a search of an index over ``ROWS`` rows."""

    exact_us: float
    index_us: float

    def thresholds(self) -> dict[str, float]:
        """What ``VectorTuning.measured`` keeps."""
        affordable = _BUDGET_US / self.exact_us
        return {
            "exact_us": round(self.exact_us, 3),
            "index_us": round(self.index_us, 1),
            "own_rows": _within(affordable, _OWN_ROWS),
            "listed_assets": _within(affordable * _LISTED_FOR, _LISTED),
            "ef_search": DEFAULT.ef_search,
        }


def measure(conn: psycopg.Connection) -> Measured:
    """About three seconds; leaves nothing. ``conn`` is the owner's."""
    rng = np.random.default_rng(1)
    register_vector(conn)
    with conn.transaction():
        conn.execute(
            f"CREATE TEMPORARY TABLE scratch (vec halfvec({DIMENSION}) STORAGE PLAIN) "
            "ON COMMIT DROP"
        )
        with conn.cursor() as cursor, cursor.copy("COPY scratch FROM STDIN (FORMAT binary)") as to:
            to.set_types(["halfvec"])
            for row in _unit(rng, ROWS):
                to.write_row([HalfVector(row)])
        queries = _unit(rng, _SEARCHES)
        exact = _microseconds(conn, "(vec <#> %b) + 0", queries)
        conn.execute(
            "CREATE INDEX ON scratch USING hnsw (vec halfvec_ip_ops) "
            f"WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})"
        )
        conn.execute(f"SET LOCAL hnsw.ef_search = {DEFAULT.ef_search}")
        conn.execute("SET LOCAL enable_seqscan = off")
        index = _microseconds(conn, "vec <#> %b", queries)
    return Measured(exact_us=exact / ROWS, index_us=index)


def _microseconds(conn: psycopg.Connection, order: str, queries: Vector) -> float:
    """Microseconds of one search."""
    text = f"SELECT ctid FROM scratch ORDER BY {order} LIMIT {_TOP_K}"  # noqa: S608 - constants
    took = []
    for query in queries:
        started = time.perf_counter()
        conn.execute(text, [HalfVector(query)], binary=True).fetchall()
        took.append(time.perf_counter() - started)
    # What else runs on the machine only ever adds to a time.
    return float(np.quantile(took, 0.1)) * 1e6


def _unit(rng: np.random.Generator, count: int) -> Vector:
    made = rng.standard_normal((count, DIMENSION)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def _within(value: float, bounds: tuple[int, int]) -> int:
    return int(min(max(round(value, -2), bounds[0]), bounds[1]))
