"""The vector part of ``deploy/bench search``, table by table."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from psycopg import sql

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.search import vectors_cells, vectors_extra, vectors_store
from deploy.benchmarks.search.vectors_build import Made, built, readers_make
from deploy.benchmarks.search.vectors_cells import Scan
from deploy.benchmarks.search.vectors_data import REAL, profile

_WARM_UP = 20  # searches and scans before anything is timed: caches as in a running appliance
_EXTRA_QUERIES = 15


def measured(
    folder: Path, *, rows: int, dimensions: list[int], queries: int, skip: set[str]
) -> list[Figure]:
    """Every figure; ``folder`` holds the database and what was built for an earlier run."""
    found: list[Figure] = []
    for dimension in dimensions:
        made = built(folder, rows=rows, dimension=dimension)
        found += _profile_figures(made)
        found += _size_figures(folder, made)
        found += _search_figures(folder, made, queries, skip)
        if "churn" not in skip:
            _say(f"{dimension}: churn")
            found += vectors_extra.churn_figures(folder, dimension=dimension)
    return found


def _search_figures(folder: Path, made: Made, queries: int, skip: set[str]) -> list[Figure]:
    scan = Scan(made)
    asked = list(range(queries + _WARM_UP))
    given = vectors_cells.filters(made, asked, scan)
    everything = made.ids
    sets = [[made.ids[number] for number in one.collections] for one in given]
    with vectors_store.superuser(folder) as conn:
        users = readers_make(conn, [*sets, everything])
    scan.seconds.clear()
    warm = _WARM_UP * len(vectors_cells.KINDS) * len(vectors_cells.SHARES)
    _say(f"{made.dimension}: {len(given)} permission filters")
    vectors_cells.measured(made, scan, given[:warm], users)
    scan.seconds.clear()
    cells = vectors_cells.measured(made, scan, given[warm:], users[warm:])
    found = vectors_cells.figures(made, scan, cells)
    if "metadata" not in skip:
        _say(f"{made.dimension}: metadata filters")
        extra = asked[-min(_EXTRA_QUERIES, queries) :]
        found += vectors_extra.metadata_figures(made, scan, users[-1], extra)
    if "usual" not in skip:
        _say(f"{made.dimension}: the usual way")
        ours = {key: float(np.median(cell.seconds)) for key, cell in cells.items()}
        found += vectors_extra.usual_figures(folder, made, given[warm:], ours)
    return found


def _profile_figures(made: Made) -> list[Figure]:
    here = profile(made.vectors)
    real = "the starter's embeddings of 1,000 Flickr8k dev images"
    return [
        Figure(f"{made.dimension} {name}", mine, "", divided_by=f"{theirs:g} in {real}")
        for name, mine, theirs in (
            ("effective dimension", here.effective_dimension, REAL.effective_dimension),
            ("length of the mean", here.mean_length, REAL.mean_length),
            ("similarity of two, median", here.median, REAL.median),
            ("similarity of the nearest", here.nearest[0], REAL.nearest[0]),
            ("similarity of the 10th", here.nearest[1], REAL.nearest[1]),
            ("similarity of the 50th", here.nearest[2], REAL.nearest[2]),
        )
    ]


def _size_figures(folder: Path, made: Made) -> list[Figure]:
    with vectors_store.superuser(folder) as conn:
        row = conn.execute(
            sql.SQL(
                "SELECT sum(pg_relation_size(t.relid)), sum((SELECT "
                "sum(pg_relation_size(i.indexrelid)) FROM pg_index i "
                "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam "
                "WHERE i.indrelid = t.relid AND a.amname = 'hnsw')) "
                "FROM pg_partition_tree({}) t WHERE t.isleaf"
            ).format(sql.Literal(made.table))
        ).fetchone()
    heap, index = (int(value or 0) for value in row or (0, 0))
    count = len(made.vectors)
    building = sum(seconds for name, seconds in made.seconds.items() if name.startswith("index"))
    return [
        Figure(f"{made.dimension} rows", heap / count, "B/row", divided_by=f"{count:,} rows"),
        Figure(f"{made.dimension} HNSW", index / count, "B/row", divided_by=f"{count:,} rows"),
        Figure(f"{made.dimension} HNSW built", building, "s"),
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
