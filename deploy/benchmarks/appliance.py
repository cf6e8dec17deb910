"""``deploy/bench appliance``: start, memory, search and ingestion of the whole appliance."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

from deploy.benchmarks.clone import Clone, own_appliance
from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.memory import pss_by_name
from deploy.paths import Paths
from deploy.setup.preflight import GIB
from deploy.supervisor.state import read_running

_IDLE_SECONDS = 20.0
_WARM_UP = 20
_SEARCHES = 200
_THINGS = (
    *(
        "dog",
        "horse",
        "boat",
        "train",
        "kitchen",
        "flower",
        "jacket",
        "church bells",
        "rain",
        "crow",
    ),
    *("bicycle", "street at night", "surfer", "pizza", "bus", "letter about a payment", "shoe"),
    *("thunderstorm", "child playing", "elephant", "clock ticking", "snow", "market", "bridge"),
)
_WAYS = ("a {}", "the sound of a {}", "a photo of a {}", "two people near a {}", "an old {}")
_WAYS_MORE = ("a quiet {}", "a close view of a {}", "a {} in the morning", "something like a {}")


def run(*, cold: bool) -> list[Figure]:
    """All figures. ``cold`` also clones the repository and installs it with an empty pip cache.

    Starts an appliance of its own in a temporary folder and removes it afterwards.

    Raises:
        subprocess.CalledProcessError: the appliance did not start.
    """
    with own_appliance(cold=cold) as clone:
        if cold:
            seconds = clone.up(PIP_CACHE_DIR=str(clone.folder / "pip-cache"))
            figures = [Figure("bare to ready, demo loaded", seconds, "s", target=600)]
        else:
            figures = [Figure("first start, libraries there", clone.up(), "s")]
        figures += _ingestion(clone)
        clone.down()
        figures.append(Figure("second start", clone.up(), "s", target=20))
        figures += _idle_memory(clone)
        figures += _search(clone)
        clone.down()
    return figures


def _ingestion(clone: Clone) -> list[Figure]:
    loaded = json.loads((clone.data / "demo.json").read_text(encoding="utf-8"))
    items = clone.get("/api/v1/assets/")["count"]
    return [
        Figure("demo items", items, "items"),
        Figure("demo ingested", loaded["seconds"], "s", target=300),
        Figure("ingestion", items / loaded["seconds"], "items/s", divided_by="demo ingested"),
    ]


def _idle_memory(clone: Clone) -> list[Figure]:
    running = read_running(Paths(clone.data))
    if running is None:
        raise RuntimeError("the appliance has stopped meanwhile")
    time.sleep(_IDLE_SECONDS)
    sizes = pss_by_name(running.pid)
    parts = sorted(sizes.items(), key=lambda part: -part[1])
    return [
        Figure("idle PSS", sum(sizes.values()) / GIB, "GB", target=2.5),
        *(Figure(f"  {name}", size / GIB, "GB") for name, size in parts),
    ]


def _search(clone: Clone) -> list[Figure]:
    """Times of text searches over HTTP, one after the other, no two texts alike."""
    texts = list(itertools.islice(search_texts(), _WARM_UP + _SEARCHES))
    times = [clone.search(text) for text in texts][_WARM_UP:]
    return [
        Figure("text search p50", percentile(times, 0.50), "ms"),
        Figure("text search p95", percentile(times, 0.95), "ms", target=150),
    ]


def search_texts() -> Iterator[str]:
    """Things one might search for, no two alike; 216 of them."""
    for way in (*_WAYS, *_WAYS_MORE):
        for thing in _THINGS:
            yield way.format(thing)
