"""What a batch is made of, and how it is encoded and handed back."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from workers.model_server import memory
from workers.model_server.pace import Pace

if TYPE_CHECKING:
    import numpy.typing as npt

Encode = Callable[[list[Any]], "npt.NDArray[np.float32]"]
# A model's ref and the modality; towers of equal keys share batches.
TowerKey = tuple[str, ...]
_LONGEST_RETRY_SECONDS: Final = 30.0


class MemoryShortError(Exception):
    """Not even one item fits into memory now."""


@dataclass(eq=False)
class Job:
    """Items of one request; ``taken`` of them are in batches already."""

    tower: TowerKey
    encode: Encode
    pace: Pace
    items: Sequence[Any]
    future: Future[npt.NDArray[np.float32]]
    size_bytes: int
    taken: int = 0
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    done: int = 0


@dataclass(eq=False)
class Share:
    """The items of one job that are in a batch."""

    job: Job
    items: Sequence[Any]


def items_waiting(line: deque[Job]) -> int:
    """Items of these jobs that are in no batch yet."""
    return sum(len(job.items) - job.taken for job in line)


def seconds_to_halve(line: deque[Job]) -> float:
    """When half of what waits is likely to be done: 1 to 30 s."""
    seconds = sum((len(job.items) - job.taken) * (job.pace.seconds_per_item or 0.0) for job in line)
    return min(max(1.0, seconds / 2), _LONGEST_RETRY_SECONDS)


def next_batch(line: deque[Job], seconds: float) -> list[Share]:
    """Up to a batch of items of the first job's tower, from as many jobs as it takes.

    Cancelled jobs go. A job that is not through goes behind the others, so that a long one leaves
    its turns to them.
    """
    shares: list[Share] = []
    room = 0
    for job in list(line):
        if job.future.done():  # cancelled, or failed in an earlier batch
            line.remove(job)
            continue
        if not shares:
            room = job.pace.size(seconds)
        elif job.tower != shares[0].job.tower:
            continue
        items = job.items[job.taken : job.taken + room]
        job.taken += len(items)
        room -= len(items)
        shares.append(Share(job, items))
        line.remove(job)
        if job.taken < len(job.items):
            line.append(job)
        if room == 0:
            break
    return shares


def compute(batch: list[Share], clock: Callable[[], float]) -> None:
    """Encodes a batch and gives each job its rows, or the error that is its own."""
    items = [item for share in batch for item in share.items]
    first = batch[0].job
    began = clock()
    try:
        rows = _encoded(first.encode, items, first.pace)
    except Exception as error:  # noqa: BLE001 - every error belongs to the callers
        _fail(batch, error, clock)
        return
    first.pace.took(len(items), clock() - began)
    at = 0
    for share in batch:
        _deliver(share, rows[at : at + len(share.items)])
        at += len(share.items)


def _encoded(encode: Encode, items: list[Any], pace: Pace) -> npt.NDArray[np.float32]:
    """Row i for item i: float32 (n, d), in halves where memory does not take them together.

    Raises:
        MemoryShortError: it does not take one.
    """
    short = False
    try:
        rows = encode(items)
    except Exception as error:
        if not memory.ran_out(error):
            raise
        # Leave this block before trying again: the traceback holds what filled the memory.
        short = True
    if short:
        memory.device_cache_emptied()
        pace.shrink(len(items))
        if len(items) == 1:
            raise MemoryShortError
        half = len(items) // 2
        parts = (items[:half], items[half:])
        return np.concatenate([_encoded(encode, part, pace) for part in parts])
    if rows.shape[:1] != (len(items),):
        raise RuntimeError(f"{len(items)} items went in, {rows.shape} came out")
    return rows


def _fail(batch: list[Share], error: Exception, clock: Callable[[], float]) -> None:
    """A batch of one request fails.

    Of several, each is computed alone, so that one bad item harms no neighbour.
    """
    if len(batch) == 1:
        with contextlib.suppress(InvalidStateError):  # cancelled meanwhile
            batch[0].job.future.set_exception(error)
        return
    for share in batch:
        compute([share], clock)


def _deliver(share: Share, rows: npt.NDArray[np.float32]) -> None:
    job = share.job
    job.rows.append(rows)
    job.done += len(rows)
    if job.done == len(job.items):
        with contextlib.suppress(InvalidStateError):  # cancelled, or failed in an earlier batch
            job.future.set_result(np.concatenate(job.rows).astype(np.float32, copy=False))
