"""Micro-batches for one compute thread: queries first, and never behind more than one batch."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Lane = Literal["query", "ingest"]
Encode = Callable[[list[Any]], "npt.NDArray[np.float32]"]
LANES: Final[tuple[Lane, Lane]] = ("query", "ingest")


class QueueFullError(Exception):
    """More items wait than the server takes; the caller should come back."""


@dataclass(eq=False)
class _Job:
    """Items of one request; ``taken`` of them are in batches already."""

    tower: Hashable
    encode: Encode
    batch_items: int
    items: Sequence[Any]
    future: Future[npt.NDArray[np.float32]]
    size_bytes: int
    taken: int = 0
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    done: int = 0


@dataclass(eq=False)
class _Share:
    job: _Job
    items: Sequence[Any]


class Scheduler:
    """One thread that encodes; requests of the same tower and lane share batches.

    There is one thread because one batch already uses every core. A large ingestion is cut into
    micro-batches, and before each of them waiting queries have their turn. Nothing waits in order
    to fill a batch: while one is computed, the next fills by itself.
    """

    def __init__(
        self, *, max_waiting_items: int = 4096, max_waiting_bytes: int = 256 * 1024 * 1024
    ) -> None:
        """Not running before ``start``; the limits hold for each lane."""
        self._max_items = max_waiting_items
        self._max_bytes = max_waiting_bytes
        self._lines: dict[Lane, deque[_Job]] = {"query": deque(), "ingest": deque()}
        self._wake = threading.Condition()
        self._stopped = False
        self._batches: dict[Lane, int] = {"query": 0, "ingest": 0}
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
            return {lane: _waiting(line) for lane, line in self._lines.items()}

    @property
    def batches(self) -> dict[str, int]:
        """Batches computed since the start, by lane."""
        return {lane: self._batches[lane] for lane in LANES}

    def submit(
        self,
        items: Sequence[Any],
        *,
        tower: Hashable,
        encode: Encode,
        lane: Lane,
        batch_items: int,
        size_bytes: int = 0,
    ) -> Future[npt.NDArray[np.float32]]:
        """A future of float32 (n, d).

        Row i for item i. Cancel it and what is left of the job is dropped.

        ``tower`` says which jobs may share a batch; ``encode`` is called in the compute thread with
        at most ``batch_items`` items.

        Raises:
            QueueFullError: too many items wait in this lane.
        """
        future: Future[npt.NDArray[np.float32]] = Future()
        job = _Job(tower, encode, batch_items, items, future, size_bytes)
        with self._wake:
            line = self._lines[lane]
            if self._stopped or (line and self._over(line, job)):
                raise QueueFullError
            line.append(job)
            self._wake.notify()
        return future

    def _over(self, line: deque[_Job], job: _Job) -> bool:
        """Whether ``job`` is too much on top of ``line``.

        Alone it never is, or it could never be done.
        """
        size_bytes = sum(waiting.size_bytes for waiting in line) + job.size_bytes
        return _waiting(line) + len(job.items) > self._max_items or size_bytes > self._max_bytes

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and not any(self._lines.values()):
                    self._wake.wait()
                if self._stopped:
                    return
                lane: Lane = "query" if self._lines["query"] else "ingest"
                batch = _next_batch(self._lines[lane])
            if batch:
                self._batches[lane] += 1
                _compute(batch)


def _waiting(line: deque[_Job]) -> int:
    return sum(len(job.items) - job.taken for job in line)


def _next_batch(line: deque[_Job]) -> list[_Share]:
    """Up to a batch of items of the first job's tower, from as many jobs as it takes.

    Cancelled jobs go.
    """
    shares: list[_Share] = []
    room = 0
    for job in list(line):
        if job.future.done():  # cancelled, or failed in an earlier batch
            line.remove(job)
            continue
        if not shares:
            room = job.batch_items
        elif job.tower != shares[0].job.tower:
            continue
        items = job.items[job.taken : job.taken + room]
        job.taken += len(items)
        room -= len(items)
        shares.append(_Share(job, items))
        if job.taken == len(job.items):
            line.remove(job)
        if room == 0:
            break
    return shares


def _compute(batch: list[_Share]) -> None:
    items = [item for share in batch for item in share.items]
    try:
        rows = _encoded(batch[0].job.encode, items)
    except Exception as error:  # noqa: BLE001 - every error belongs to the callers
        _fail(batch, error)
        return
    at = 0
    for share in batch:
        _deliver(share, rows[at : at + len(share.items)])
        at += len(share.items)


def _encoded(encode: Encode, items: list[Any]) -> npt.NDArray[np.float32]:
    rows = encode(items)
    if rows.shape[:1] != (len(items),):
        raise RuntimeError(f"{len(items)} items went in, {rows.shape} came out")
    return rows


def _fail(batch: list[_Share], error: Exception) -> None:
    """A batch of one request fails.

    Of several, each is computed alone, so that one bad item harms no neighbour.
    """
    if len(batch) == 1:
        with contextlib.suppress(InvalidStateError):  # cancelled meanwhile
            batch[0].job.future.set_exception(error)
        return
    for share in batch:
        _compute([share])


def _deliver(share: _Share, rows: npt.NDArray[np.float32]) -> None:
    job = share.job
    job.rows.append(rows)
    job.done += len(rows)
    if job.done == len(job.items):
        with contextlib.suppress(InvalidStateError):  # cancelled, or failed in an earlier batch
            job.future.set_result(np.concatenate(job.rows).astype(np.float32, copy=False))
