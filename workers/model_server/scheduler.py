"""Micro-batches for one compute thread: queries first, and never behind more than one batch."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Literal

from workers.model_server.batches import (
    Encode,
    Job,
    MemoryShortError,
    TowerKey,
    compute,
    items_waiting,
    next_batch,
    seconds_to_halve,
)
from workers.model_server.pace import Pace

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LANES", "Encode", "Lane", "MemoryShortError", "QueueFullError", "Scheduler"]

Lane = Literal["query", "ingest"]
LANES: Final[tuple[Lane, Lane]] = ("query", "ingest")


# While queries come, a micro-batch of ingestion is short, so that a query waits little; with nobody
# asking it is long enough for the cores to be used well.
_BESIDE_QUERIES_SECONDS: Final = 0.05
_ALONE_SECONDS: Final = 0.4
_QUERIES_COME_FOR_SECONDS: Final = 10.0
# After so many batches of queries in a row, one of ingestion has its turn, if any waits.
QUERIES_IN_A_ROW: Final = 8


class QueueFullError(Exception):
    """More items wait than the server takes; the caller should come back."""

    def __init__(self, retry_after_seconds: float = 1.0) -> None:
        """``retry_after_seconds``: until half of what waits is likely to be done."""
        super().__init__("queue full")
        self.retry_after_seconds = retry_after_seconds


class Scheduler:
    """One thread that encodes; requests of the same tower and lane share batches.

    There is one thread because one batch already uses every core. A large ingestion is cut into
    micro-batches, and before each of them waiting queries have their turn; so a query never waits
    for more than one, and ingestion moves on however many queries come. Nothing waits in order to
    fill a batch: while one is computed, the next fills by itself.
    """

    def __init__(
        self,
        *,
        max_waiting_items: int = 4096,
        max_waiting_bytes: int = 256 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Not running before ``start``; the limits hold for each lane."""
        self._max_items = max_waiting_items
        self._max_bytes = max_waiting_bytes
        self._clock = clock
        self._lines: dict[Lane, deque[Job]] = {"query": deque(), "ingest": deque()}
        self._wake = threading.Condition()
        self._stopped = False
        self._batches: dict[Lane, int] = {"query": 0, "ingest": 0}
        self._items: dict[Lane, int] = {"query": 0, "ingest": 0}
        self._paces: dict[TowerKey, Pace] = {}
        self._queries_in_a_row = 0
        self._last_query = -math.inf
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)

    def start(self) -> None:
        """Begin to encode."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch in hand; jobs that still wait are cancelled."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        with self._wake:
            for line in self._lines.values():
                for job in line:
                    job.future.cancel()
                line.clear()

    @property
    def waiting(self) -> dict[str, int]:
        """Items not yet in a batch, by lane."""
        with self._wake:
            return {lane: items_waiting(line) for lane, line in self._lines.items()}

    @property
    def batches(self) -> dict[str, int]:
        """Batches computed since the start, by lane."""
        return {lane: self._batches[lane] for lane in LANES}

    @property
    def items(self) -> dict[str, int]:
        """Items encoded since the start, by lane."""
        return {lane: self._items[lane] for lane in LANES}

    def paces(self) -> dict[TowerKey, Pace]:
        """What was measured of each tower."""
        with self._wake:
            return dict(self._paces)

    def waiting_by_tower(self) -> dict[TowerKey, int]:
        """Items not yet in a batch, by tower."""
        with self._wake:
            found: dict[TowerKey, int] = {}
            for job in itertools.chain.from_iterable(self._lines.values()):
                found[job.tower] = found.get(job.tower, 0) + len(job.items) - job.taken
            return found

    def limit(self, tower: TowerKey, most: int) -> None:
        """No batch of this tower is larger than ``most`` from now on."""
        with self._wake:
            self._paces[tower] = Pace.of(most)

    def forget(self, tower: TowerKey) -> None:
        """What was measured of a tower that is no longer in memory goes."""
        with self._wake:
            self._paces.pop(tower, None)

    def submit(
        self,
        items: Sequence[Any],
        *,
        tower: TowerKey,
        encode: Encode,
        lane: Lane,
        batch_items: int,
        size_bytes: int = 0,
    ) -> Future[npt.NDArray[np.float32]]:
        """A future of float32 (n, d).

        Row i for item i. Cancel it and what is left of the job is dropped.

        ``tower`` says which jobs may share a batch; ``encode`` is called in the compute thread with
        at most ``batch_items`` items, fewer where those took too long or did not fit into memory.

        Raises:
            QueueFullError: too many items wait in this lane.
        """
        future: Future[npt.NDArray[np.float32]] = Future()
        with self._wake:
            pace = self._paces.setdefault(tower, Pace.of(batch_items))
            job = Job(tower, encode, pace, items, future, size_bytes)
            line = self._lines[lane]
            if self._stopped or (line and self._over(line, job)):
                raise QueueFullError(seconds_to_halve(line))
            if lane == "query":
                self._last_query = self._clock()
            line.append(job)
            self._wake.notify()
        return future

    def _over(self, line: deque[Job], job: Job) -> bool:
        """Whether ``job`` is too much on top of ``line``.

        Alone it never is, or it could never be done.
        """
        size_bytes = sum(waiting.size_bytes for waiting in line) + job.size_bytes
        return (
            items_waiting(line) + len(job.items) > self._max_items or size_bytes > self._max_bytes
        )

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and not any(self._lines.values()):
                    self._wake.wait()
                if self._stopped:
                    return
                lane = self._next_lane()
                batch = next_batch(self._lines[lane], self._seconds(lane))
            if batch:
                self._batches[lane] += 1
                self._items[lane] += sum(len(share.items) for share in batch)
                compute(batch, self._clock)
                del batch  # or the last items and their model stay until the next batch

    def _next_lane(self) -> Lane:
        ingest_waits = bool(self._lines["ingest"])
        ingest_is_due = ingest_waits and self._queries_in_a_row >= QUERIES_IN_A_ROW
        if self._lines["query"] and not ingest_is_due:
            self._queries_in_a_row += 1
            return "query"
        self._queries_in_a_row = 0
        return "ingest"

    def _seconds(self, lane: Lane) -> float:
        """How long the next micro-batch may take."""
        alone = self._clock() - self._last_query > _QUERIES_COME_FOR_SECONDS
        return _ALONE_SECONDS if lane == "query" or alone else _BESIDE_QUERIES_SECONDS
