"""``deploy/bench reembed``: search beside re-embedding, and re-embedding beside search.

The demo's assets are embedded anew under a copy of the starter that only its version tells apart:
once with nobody searching, once beside somebody who searches all the time.
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.benchmarks.appliance import search_texts
from deploy.benchmarks.clone import Clone, own_appliance
from deploy.benchmarks.figures import Figure, percentile
from retrieval.encoders.bundle import BUILTIN

_WARM_UP = 20
_IDLE_SEARCHES = 150
_POLL_SECONDS = 0.25
_PAUSE_SECONDS = 0.1  # between two searches: somebody reads, or types
_LIMIT_SECONDS = 1800.0
_VERSION = "bench"
_REASON = "a copy of the starter, for a benchmark"


@dataclass
class Searcher:
    """Somebody who searches all the time, with a short pause after each answer."""

    clone: Clone
    times: list[float] = field(default_factory=list)
    error: Exception | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def search(self) -> None:
        """One search in words that were not used before."""
        number = next(self._numbers)
        texts = list(search_texts())
        text = f"{texts[number % len(texts)]}, number {number}"
        self.times.append(self.clone.search(text))
        time.sleep(_PAUSE_SECONDS)

    def searches(self, count: int) -> list[float]:
        """Milliseconds of as many searches, one after the other."""
        before = len(self.times)
        for _ in range(count):
            self.search()
        return self.times[before:]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Searches in a thread as long as the block runs. An error is raised at its end."""
        stop = threading.Event()

        def until_told() -> None:
            try:
                while not stop.is_set():
                    self.search()
            except (RuntimeError, OSError) as error:
                self.error = error

        thread = threading.Thread(target=until_told)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if self.error is not None:
            raise self.error


def run() -> list[Figure]:
    """All figures, on an appliance of its own that is removed afterwards.

    Raises:
        subprocess.CalledProcessError, RuntimeError: it did not start, or a command failed.
    """
    with own_appliance() as clone:
        clone.up()
        figures = measured(clone)
        clone.down()
    return figures


def measured(clone: Clone) -> list[Figure]:
    """The figures on a running appliance."""
    bundle, ref = _copied(clone.folder)
    searcher = Searcher(clone)
    searcher.searches(_WARM_UP)
    idle = percentile(searcher.searches(_IDLE_SEARCHES), 0.95)
    total, free = _reembedded(clone, bundle, ref)
    before = len(searcher.times)
    with searcher.at_work():
        _, beside = _reembedded(clone, bundle, ref)
    busy_times = searcher.times[before:]
    busy = percentile(busy_times, 0.95)
    clone.manage("models", "remove", ref)
    return [
        Figure("segments embedded", total, "rows"),
        Figure("search p95 idle", idle, "ms"),
        Figure("search p95 beside it", busy, "ms"),
        Figure("searches beside it", len(busy_times), ""),
        Figure("p95 beside / idle", busy / idle, "x", target=2.0, divided_by="search p95 idle"),
        Figure("re-embedding, nobody searching", free, "rows/s"),
        Figure("re-embedding beside searches", beside, "rows/s"),
        Figure(
            "free rate / rate beside",
            free / beside,
            "x",
            target=2.0,
            divided_by="re-embedding beside searches",
        ),
    ]


def _copied(folder: Path) -> tuple[Path, str]:
    """A bundle that is the starter under another version, and its ref."""
    target = folder / "starter-copy"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(BUILTIN, target)
    path = target / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["version"] = _VERSION
    path.write_text(json.dumps(manifest), encoding="utf-8")
    (target / "manifest.sig").unlink(missing_ok=True)
    return target, f"{manifest['name']}@{_VERSION}"


def _reembedded(clone: Clone, bundle: Path, ref: str) -> tuple[int, float]:
    """Segments embedded into an empty table, and how many a second from the start on.

    Raises:
        RuntimeError: it did not end well, or not in half an hour.
    """
    if _state(clone, ref) is not None:
        clone.manage("models", "remove", ref)
    clone.manage("models", "install", str(bundle), "--no-tune", "--unsigned", "--reason", _REASON)
    clone.manage("models", "reembed", ref)
    limit = time.monotonic() + _LIMIT_SECONDS
    first: tuple[float, int] | None = None
    while time.monotonic() < limit:
        job, now = _state(clone, ref), time.monotonic()
        if job is None or job["state"] not in {"running", "done"}:
            raise RuntimeError(f"re-embedding ended as {job['state'] if job else 'nothing'}")
        ended = job["state"] == "done" or job["phase"] == "checking"
        if first is None:
            if ended:
                raise RuntimeError("there was too little to embed to measure anything")
            first = (now, job["done"])
        if ended:
            total = int(job["total"])
            return total, (total - first[1]) / (now - first[0])
        time.sleep(_POLL_SECONDS)
    raise RuntimeError("re-embedding did not end in time")


def _state(clone: Clone, ref: str) -> dict[str, Any] | None:
    """The re-embedding of ``ref`` as the administrator sees it; empty before it began."""
    for model in clone.get("/api/v1/models/")["results"]:
        if model["ref"] == ref:
            return model["reembedding"] or {"state": "running", "phase": "", "done": 0, "total": 0}
    return None
