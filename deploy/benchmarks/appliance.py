"""``deploy/bench appliance``: start, memory, search and ingestion of the whole appliance."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.benchmarks.figures import Figure, percentile
from deploy.benchmarks.memory import pss_by_name
from deploy.credentials import credentials_read
from deploy.embedded.place import remove_outside
from deploy.paths import ROOT, Paths
from deploy.setup.preflight import GIB
from deploy.supervisor.state import read_running

_IDLE_SECONDS = 20.0
_WARM_UP = 20
_SEARCHES = 200
_FINE = range(200, 300)
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


@dataclass(frozen=True)
class Clone:
    """A checkout to start, and the folder its data goes to."""

    root: Path
    data: Path
    port: int

    def up(self, *words: str, **env: str) -> float:
        """Seconds until ``deploy/up --detach`` returned; its output goes to standard error."""
        began = time.monotonic()
        subprocess.run(
            [
                *(str(self.root / "deploy" / "up"), "--detach"),
                *("--data", str(self.data), "--port", str(self.port)),
                *words,
            ],
            env={**os.environ, **env},
            stdout=sys.stderr,
            check=True,
        )
        return time.monotonic() - began

    def down(self) -> None:
        """Stop it and wait."""
        subprocess.run(
            [str(self.root / "deploy" / "down"), "--data", str(self.data)],
            stdout=sys.stderr,
            check=True,
        )


def run(*, cold: bool) -> list[Figure]:
    """All figures. ``cold`` also clones the repository and installs it with an empty pip cache.

    Starts an appliance of its own in a temporary folder and removes it afterwards.

    Raises:
        subprocess.CalledProcessError: the appliance did not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitrine-bench-")).resolve()
    clone = Clone(ROOT, folder / "data", free_port())
    figures = []
    try:
        if cold:
            clone = Clone(folder / "clone", folder / "data", clone.port)
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone.root)], check=True)
            seconds = clone.up(PIP_CACHE_DIR=str(folder / "pip-cache"))
            figures.append(Figure("bare to ready, demo loaded", seconds, "s", target=600))
        else:
            seconds = clone.up()
            figures.append(Figure("first start, libraries there", seconds, "s"))
        figures += _ingestion(clone)
        clone.down()
        figures.append(Figure("second start", clone.up(), "s", target=20))
        figures += _idle_memory(clone)
        figures += _search(clone)
        clone.down()
    finally:
        subprocess.run(
            [str(ROOT / "deploy" / "down"), "--data", str(clone.data)],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        remove_outside(Paths(clone.data))
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def _ingestion(clone: Clone) -> list[Figure]:
    loaded = json.loads((clone.data / "demo.json").read_text(encoding="utf-8"))
    items = get(clone, "/api/v1/assets/")["count"]
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
    times = [timed_search(clone, text) for text in texts][_WARM_UP:]
    return [
        Figure("text search p50", percentile(times, 0.50), "ms"),
        Figure("text search p95", percentile(times, 0.95), "ms", target=150),
    ]


def search_texts() -> Iterator[str]:
    """Things one might search for, no two alike; 216 of them."""
    for way in (*_WAYS, *_WAYS_MORE):
        for thing in _THINGS:
            yield way.format(thing)


def timed_search(clone: Clone, text: str) -> float:
    """Milliseconds until the answer was there."""
    began = time.perf_counter()
    request(clone, "POST", "/api/v1/search/", json.dumps({"text": text}))
    return 1000 * (time.perf_counter() - began)


def get(clone: Clone, path: str) -> dict[str, Any]:
    """The administrator's answer at ``path``."""
    answer: dict[str, Any] = json.loads(request(clone, "GET", path))
    return answer


def request(clone: Clone, method: str, path: str, body: str | None = None) -> bytes:
    """What the administrator is answered.

    Raises:
        RuntimeError: anything but success.
    """
    credentials = credentials_read(Paths(clone.data).credentials)
    where = urlsplit(credentials["url"])
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    headers = {
        "Authorization": f"Token {credentials['admin']['token']}",
        "Content-Type": "application/json",
    }
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status not in _FINE:
        raise RuntimeError(f"{method} {path} answered {answer.status}")
    return content


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
