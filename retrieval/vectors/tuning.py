"""What was measured about searching on this machine, and the thresholds that follow from it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from retrieval.vector_models import VectorTuning

_MOST_AGE_SECONDS = 300.0


@dataclass(frozen=True)
class Tuning:
    """Thresholds of searches. ``at`` is when they were measured; None: these are the defaults.

    ``own_rows``: from so many rows a collection gets a shard and an index of its own.
    ``listed_assets``: up to so many assets that pass a filter are compared exactly.
    ``ef_search``: candidates that an index search keeps, at least. ``scan_tuples``: rows that one
    looks at, at most, before the rest is compared exactly. ``exact_us``: microseconds a row
    compared; ``index_us``: microseconds a search of a small index.
    """

    own_rows: int = 25_000
    listed_assets: int = 25_000
    ef_search: int = 100
    scan_tuples: int = 40_000
    exact_us: float | None = None
    index_us: float | None = None
    at: datetime | None = None


DEFAULT = Tuning()

_known: dict[str, tuple[float, Tuning]] = {}  # by database


def current() -> Tuning:
    """The thresholds as this process knows them; read first where they are some minutes old."""
    database, now = connection.settings_dict["NAME"], time.monotonic()
    known = _known.get(database)
    if known is None or now - known[0] > _MOST_AGE_SECONDS:
        row = VectorTuning.objects.order_by("-at").first()
        known = _known[database] = (now, DEFAULT if row is None else _tuning(row.measured, row.at))
    return known[1]


def forget() -> None:
    """The next search reads the thresholds."""
    _known.clear()


def _tuning(measured: dict[str, Any], at: datetime) -> Tuning:
    return Tuning(
        own_rows=int(measured["own_rows"]),
        listed_assets=int(measured["listed_assets"]),
        ef_search=int(measured["ef_search"]),
        scan_tuples=DEFAULT.scan_tuples,
        exact_us=float(measured["exact_us"]),
        index_us=float(measured["index_us"]),
        at=at,
    )
