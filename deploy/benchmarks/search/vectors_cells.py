"""Recall and time under permission filters: random ones, and ones for and against the query."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import numpy.typing as npt
import torch

from audit.ids import Ids
from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.search.vectors_build import Made
from deploy.benchmarks.search.vectors_store import MODALITY
from retrieval import scope
from retrieval.vectors.base import Vector, VectorRequest
from retrieval.vectors.pgvector import PgvectorBackend

TOP_K = 10
SHARES = (1.0, 0.5, 0.1, 0.01, 0.001)
KINDS = ("random", "correlated", "anti-correlated")
RECALL = 0.99
_NEAR = 1000  # a query's nearest rows say which collections are correlated with it
_LIMIT, _LIMIT_LEAST = 0.25, 0.05  # of F; the second at the least share

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Filter:
    """One permission filter for one query, as the collections it keeps."""

    kind: str
    share: float
    query: int
    collections: npt.NDArray[np.int64]


@dataclass
class Cell:
    """What was measured for one kind and share."""

    seconds: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    forbidden: int = 0
    short: int = 0
    kept: list[float] = field(default_factory=list)


class Scan:
    """F: a torch fp32 scan of all rows for one query, its top ten included."""

    def __init__(self, made: Made) -> None:
        torch.set_num_threads(2)
        self._rows = torch.from_numpy(made.vectors)
        self.seconds: list[float] = []

    def run(self, query: Vector) -> Vector:
        """All similarities, float32 ``(n,)``; its time is noted."""
        asked = torch.from_numpy(query)
        started = time.perf_counter()
        near = torch.mv(self._rows, asked)
        torch.topk(near, TOP_K)
        self.seconds.append(time.perf_counter() - started)
        return np.asarray(near.numpy(), dtype=np.float32)

    @property
    def median(self) -> float:
        """F in seconds."""
        return float(np.median(self.seconds))


def filters(made: Made, queries: list[int], scan: Scan) -> list[Filter]:
    """Each kind and share for each of ``queries``; random ones do not look at the query."""
    sizes = np.bincount(made.collection)
    rng = np.random.default_rng(11)
    found: list[Filter] = []
    for query in queries:
        near = scan.run(made.queries[query])
        best = made.collection[np.argpartition(-near, _NEAR)[:_NEAR]]
        density = np.bincount(best, minlength=len(sizes)) / sizes + 1e-9 * rng.random(len(sizes))
        for kind in KINDS:
            for share in SHARES:
                order = {
                    "random": rng.permutation(len(sizes)),
                    "correlated": np.argsort(-density),
                    "anti-correlated": np.argsort(density),
                }[kind]
                kept = _filled(order, sizes, share)
                found.append(Filter(kind=kind, share=share, query=query, collections=kept))
    return found


def _filled(
    order: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], share: float
) -> npt.NDArray[np.int64]:
    """Collections in this order until the share is reached, without those too large for it."""
    target = round(share * sizes.sum())
    chosen, total = [], 0
    for one in order:
        if total + sizes[one] <= target:
            chosen.append(int(one))
            total += int(sizes[one])
    return np.asarray(chosen, dtype=np.int64)


def measured(
    made: Made, scan: Scan, given: list[Filter], users: list[UUID]
) -> dict[tuple[str, float], Cell]:
    """Every filter searched once, as its own user; F is measured again and again in between."""
    cells = {(kind, share): Cell() for kind in KINDS for share in SHARES}
    backend = PgvectorBackend()
    order = np.random.default_rng(12).permutation(len(given))
    by_query: dict[int, list[int]] = {}
    for number in order:
        by_query.setdefault(given[number].query, []).append(int(number))
    sizes = np.bincount(made.collection)
    for query, numbers in by_query.items():
        near = scan.run(made.queries[query])
        for number in numbers:
            one = given[number]
            permitted = np.zeros(len(sizes), dtype=bool)
            permitted[one.collections] = True
            mask = permitted[made.collection]
            found, seconds = _search(backend, made, one, users[number])
            cell = cells[one.kind, one.share]
            cell.seconds.append(seconds)
            cell.kept.append(float(mask.mean()))
            cell.forbidden += int((~mask[found]).sum())
            cell.short += len(found) < min(TOP_K, int(mask.sum()))
            cell.recalls.append(recall(near, mask, found))
        scan.run(made.queries[query])
    return cells


def _search(
    backend: PgvectorBackend, made: Made, one: Filter, user: UUID
) -> tuple[npt.NDArray[np.int64], float]:
    request = VectorRequest(
        table=made.table,
        query=made.queries[one.query],
        collections=Ids.of(made.ids[number] for number in one.collections),  # as reach has them
        modalities=[MODALITY],
        top_k=TOP_K,
    )
    with scope.user(user):
        started = time.perf_counter()
        [near] = backend.search_many([request])
        seconds = time.perf_counter() - started
    return np.asarray([n.segment_id - 1 for n in near], dtype=np.int64), seconds


def recall(near: Vector, mask: Mask, found: npt.NDArray[np.int64]) -> float:
    """Share of the exact ten among permitted rows that were found; fp32 decides what is exact."""
    allowed = np.flatnonzero(mask)
    wanted = min(TOP_K, len(allowed))
    values = near[allowed]
    exact = allowed[np.argpartition(-values, wanted - 1)[:wanted]]
    return len(set(exact.tolist()) & set(found.tolist())) / wanted


def figures(made: Made, scan: Scan, cells: dict[tuple[str, float], Cell]) -> list[Figure]:
    """A line of recall and of time for each cell, and the counts that must be 0."""
    by_scan = f"F = {1000 * scan.median:.1f} ms, a torch fp32 scan of {len(made.vectors):,} rows"
    spread = percentile(scan.seconds, 0.95)
    found: list[Figure] = []
    for (kind, share), cell in cells.items():
        name = f"{made.dimension} {kind} {100 * share:g} %"
        limit = _LIMIT_LEAST if share == min(SHARES) else _LIMIT
        p95 = percentile(cell.seconds, 0.95)
        found += [
            Figure(f"{name} recall@10", float(np.mean(cell.recalls)), "", RECALL, at_least=True),
            Figure(f"{name} p50", 1000 * percentile(cell.seconds, 0.5), "ms"),
            Figure(f"{name} p95", 1000 * p95, "ms"),
            Figure(f"{name} p95/F", p95 / scan.median, "", limit, divided_by=by_scan),
        ]
    found += [
        Figure(f"{made.dimension} F, p50", 1000 * scan.median, "ms"),
        Figure(f"{made.dimension} F, p95", 1000 * spread, "ms"),
        Figure(f"{made.dimension} forbidden rows", sum(c.forbidden for c in cells.values()), "", 0),
        Figure(f"{made.dimension} fewer than k", sum(c.short for c in cells.values()), "", 0),
    ]
    return found
