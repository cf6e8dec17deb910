"""Shards and indexes of large collections, and the thresholds searches go by."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.doctor.finding import Finding
from retrieval.selectors.vectors import faults, shards_list
from retrieval.vectors import tuning

_MEND = "manage.py vectors upkeep; manage.py vectors status says more."


def look() -> Iterator[Finding]:
    """One finding where all is well, one for each fault otherwise."""
    found = faults()
    for fault in found:
        yield Finding("vector indexes", fault, _MEND)
    if not found:
        shards = shards_list()
        ready = sum(one.state == "ready" for one in shards)
        detail = f"{ready} of {len(shards)} collections with a shard of their own are ready"
        yield Finding("vector indexes", detail)
    known = tuning.current()
    yield Finding(
        "search thresholds",
        f"index from {known.own_rows:,} rows, "
        + (f"measured {known.at:%Y-%m-%d}" if known.at else "not measured here"),
        "" if known.at else "manage.py vectors calibrate",
    )
