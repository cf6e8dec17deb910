"""Compact indexes beside each other: size, building, speed and recall, before and after re-ranking.

The first three are the database's (pgvector), over the rows of one shard. The last three are what
numpy does with arrays in memory: they have no graph, so that their time is that of looking at every
code, and their recall the best that such codes allow. Re-ranking compares the ``_RERANKED`` nearest
by code again, by whole vectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from psycopg import Connection, sql

from deploy.benchmarks.search import vectors_store as store
from deploy.benchmarks.search.vectors_data import Rows, corpus
from retrieval.vectors.own_ddl import EF_CONSTRUCTION, M
from retrieval.vectors.raw import half

TOP_K = 10
_RERANKED = 100
_EF = 100
_BYTE = 127
_SUBSPACES, _CENTRES, _ROUNDS = 48, 256, 6  # product quantisation: a byte for each 8 numbers
_PLANES = 512  # of random hyperplanes, for LSH (Charikar 2002)

Near = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Compact:
    """One index. ``bytes_a_row`` without the whole vectors that re-ranking reads."""

    name: str
    where: str
    bytes_a_row: float
    seconds: float
    milliseconds: float
    recall: float
    reranked: float


def compared(folder: Path, *, rows: int, dimension: int, queries: int) -> list[Compact]:
    """A line an index, over ``rows`` rows of the benchmark's law."""
    made = corpus(rows=rows, dimension=dimension, queries=queries, seed=6)
    near = made.queries @ made.vectors.T
    exact = np.argpartition(-near, TOP_K, axis=1)[:, :TOP_K]
    with store.superuser(folder) as conn:
        found = _in_postgres(conn, made.vectors, made.queries, exact)
    scalar = np.round(made.vectors * _BYTE / np.abs(made.vectors).max()).astype(np.int8)
    found.append(
        _codes(
            "int8",
            scalar.nbytes / rows,
            lambda: made.vectors,
            lambda query: scalar.astype(np.float32) @ query,
            made.vectors,
            made.queries,
            exact,
        )
    )
    found += [
        _product(made.vectors, made.queries, exact),
        _planes(made.vectors, made.queries, exact),
    ]
    return found


def _in_postgres(
    conn: Connection[tuple[object, ...]], vectors: Rows, queries: Rows, exact: Near
) -> list[Compact]:
    from pgvector.psycopg import register_vector

    register_vector(conn)
    dimension = vectors.shape[1]
    conn.execute("DROP TABLE IF EXISTS compact")
    conn.execute(f"CREATE UNLOGGED TABLE compact (id int, vec halfvec({dimension}) STORAGE PLAIN)")
    with conn.cursor() as cursor, cursor.copy("COPY compact FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "halfvec"])
        for number, vector in enumerate(vectors):
            copy.write_row((number, half(vector)))
    bits = sql.SQL("(binary_quantize(vec)::bit({}))").format(sql.Literal(dimension))
    found = []
    try:
        for name, over, order in (
            ("HNSW, 16 bits", sql.SQL("vec halfvec_ip_ops"), sql.SQL("vec <#> %(q)b")),
            (
                "HNSW, signs",
                sql.SQL("{} bit_hamming_ops").format(bits),
                sql.SQL("{} <~> binary_quantize(%(q)b)").format(bits),
            ),
        ):
            found.append(_graph(conn, name, over, order, queries, exact, vectors))
    finally:
        conn.execute("DROP TABLE compact")
    return found


def _graph(  # one index after the other, each dropped again
    conn: Connection[tuple[object, ...]],
    name: str,
    over: sql.Composable,
    order: sql.Composable,
    queries: Rows,
    exact: Near,
    vectors: Rows,
) -> Compact:
    started = time.monotonic()
    conn.execute("SET maintenance_work_mem = '1GB'")
    conn.execute("SET max_parallel_maintenance_workers = 0")
    conn.execute(
        sql.SQL("CREATE INDEX compact_index ON compact USING hnsw ({}) WITH (m={}, "
                "ef_construction={})").format(over, sql.Literal(M), sql.Literal(EF_CONSTRUCTION))
    )  # fmt: skip
    seconds = time.monotonic() - started
    row = conn.execute("SELECT pg_relation_size('compact_index')").fetchone()
    size = int(str(row[0])) if row else 0
    statement = sql.SQL("SELECT id FROM compact ORDER BY {} LIMIT {}").format(
        order, sql.Literal(_RERANKED)
    )
    conn.execute(sql.SQL("SET hnsw.ef_search = {}").format(sql.Literal(max(_EF, _RERANKED))))
    conn.execute("SET enable_seqscan = off")
    took, lists = [], []
    for query in queries:
        value = {"q": half(query)}
        began = time.perf_counter()
        rows = conn.execute(statement, value, binary=True).fetchall()
        ids = np.asarray([int(str(r[0])) for r in rows], dtype=np.int64)
        order_again = np.argsort(-(vectors[ids] @ query))
        took.append(time.perf_counter() - began)
        lists.append((ids, ids[order_again]))
    conn.execute("DROP INDEX compact_index")
    return Compact(
        name=name,
        where="Postgres",
        bytes_a_row=size / len(vectors),
        seconds=seconds,
        milliseconds=1000 * float(np.median(took)),
        recall=_recall([first for first, _ in lists], exact),
        reranked=_recall([second for _, second in lists], exact),
    )


def _codes(
    name: str,
    bytes_a_row: float,
    build: Callable[[], object],
    score: Callable[[Rows], npt.NDArray[np.float32]],
    vectors: Rows,
    queries: Rows,
    exact: Near,
) -> Compact:
    started = time.monotonic()
    build()
    seconds = time.monotonic() - started
    took, first, second = [], [], []
    for query in queries:
        began = time.perf_counter()
        scores = score(query)
        some = np.argpartition(-scores, _RERANKED)[:_RERANKED]
        some = some[np.argsort(-scores[some])]
        again = some[np.argsort(-(vectors[some] @ query))]
        took.append(time.perf_counter() - began)
        first.append(some)
        second.append(again)
    return Compact(
        name=name,
        where="numpy, every code",
        bytes_a_row=bytes_a_row,
        seconds=seconds,
        milliseconds=1000 * float(np.median(took)),
        recall=_recall(first, exact),
        reranked=_recall(second, exact),
    )


def _product(vectors: Rows, queries: Rows, exact: Near) -> Compact:
    """Jégou, Douze and Schmid 2011: each part of a vector is the nearest of 256 centres."""
    parts = np.array_split(np.arange(vectors.shape[1]), _SUBSPACES)
    rng = np.random.default_rng(2)
    books: list[Rows] = []
    codes = np.empty((len(vectors), _SUBSPACES), np.uint8)

    def build() -> None:
        sample = vectors[rng.choice(len(vectors), size=20_000, replace=False)]
        for number, part in enumerate(parts):
            book = sample[rng.choice(len(sample), _CENTRES, replace=False)][:, part]
            for _ in range(_ROUNDS):
                nearest = _nearest(sample[:, part], book)
                for centre in range(_CENTRES):
                    held = sample[nearest == centre][:, part]
                    if len(held):
                        book[centre] = held.mean(axis=0)
            books.append(book)
            codes[:, number] = _nearest(vectors[:, part], book)

    def score(query: Rows) -> npt.NDArray[np.float32]:
        total = np.zeros(len(codes), np.float32)
        for number, part in enumerate(parts):
            total += (books[number] @ query[part])[codes[:, number]]
        return total

    return _codes(
        f"product quantisation, {_SUBSPACES} bytes",
        codes.nbytes / len(vectors),
        build,
        score,
        vectors,
        queries,
        exact,
    )


def _nearest(rows: Rows, book: Rows) -> npt.NDArray[np.int64]:
    return np.asarray(np.argmax(rows @ book.T - (book**2).sum(axis=1) / 2, axis=1), dtype=np.int64)


def _planes(vectors: Rows, queries: Rows, exact: Near) -> Compact:
    """Signs against random hyperplanes through the mean."""
    rng = np.random.default_rng(3)
    middle = vectors.mean(axis=0)
    planes = rng.standard_normal((vectors.shape[1], _PLANES)).astype(np.float32)
    held: list[npt.NDArray[np.uint64]] = []

    def signs(rows: Rows) -> npt.NDArray[np.uint64]:
        packed = np.packbits((rows - middle) @ planes > 0, axis=-1)
        return np.ascontiguousarray(packed).view(np.uint64)

    def score(query: Rows) -> npt.NDArray[np.float32]:
        apart = _ones(held[0] ^ signs(query[None]))
        return np.asarray(-apart.sum(axis=1, dtype=np.int32), dtype=np.float32)

    return _codes(
        f"LSH, {_PLANES} planes",
        _PLANES / 8,
        lambda: held.append(signs(vectors)),
        score,
        vectors,
        queries,
        exact,
    )


def _ones(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Set bits of each word's bytes."""
    table = np.asarray([value.bit_count() for value in range(256)], dtype=np.uint8)
    return table[words.view(np.uint8)]


def _recall(found: list[Near], exact: Near) -> float:
    return float(
        np.mean(
            [
                len(set(one[:TOP_K].tolist()) & set(best.tolist())) / TOP_K
                for one, best in zip(found, exact, strict=True)
            ]
        )
    )
