"""Work is handed to the workers by task name, after the commit that makes it due; ids only.

A message may be lost (Redis keeps nothing on a disk): the sweeper finds over the database what was
left behind. The ``queued`` marks lie in the same Redis as the queue and share its fate; they keep
the sweeper from queueing again what still waits its turn.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = structlog.get_logger("vitrine.queue")

STAGES = ("redact", "verify", "embed")
INGEST_QUEUE = "ingest"
HOUSEKEEPING_QUEUE = "housekeeping"
REEMBED_QUEUE = "reembed"
MARK_SECONDS = 15 * 60

# With Redis the lowest number goes first, and messages of equal priority in turn by queue. An asset
# that is under way is finished before the next is begun: the first of a large import is found while
# the rest still waits. What nobody waits for is begun in turn with new assets.
_PRIORITY = {"embed": 0, "verify": 3, "redact": 6}
_BACKGROUND_PRIORITY = 6
_ERASURE_PRIORITY = 3
_SCRUB_MARK = "erasure:scrub-queued"

_LOST = (OperationalError, RedisError, OSError)


def task_name(stage: str) -> str:
    """The Celery name of a stage's task."""
    return f"workers.tasks.{stage}"


def _mark(asset_id: UUID) -> str:
    return f"ingest:queued:{asset_id}"


def enqueue(*, stage: str, asset_id: UUID) -> bool:
    """Queues a stage now; whether the broker took it. If not, the sweeper brings it again."""
    try:
        cache.set(_mark(asset_id), 1, timeout=MARK_SECONDS)
        current_app.send_task(
            task_name(stage),
            args=[str(asset_id)],
            queue=INGEST_QUEUE,
            priority=_PRIORITY[stage],
            ignore_result=True,
        )
    except _LOST as error:
        logger.warning(
            "enqueue_failed", stage=stage, asset_id=str(asset_id), error=type(error).__name__
        )
        started(asset_id)  # no message is under way, so the next sweep may send one
        return False
    return True


def enqueue_after_commit(stage: str, asset_id: UUID) -> None:
    """Queues a stage once the present transaction has committed."""
    # robust: the work is committed; a failure to queue it must not look like a failure to do it.
    transaction.on_commit(partial(_send, stage, asset_id), robust=True)


def _send(stage: str, asset_id: UUID) -> None:
    enqueue(stage=stage, asset_id=asset_id)


def started(asset_id: UUID) -> None:
    """Takes the mark away: the message has arrived."""
    _unmark(_mark(asset_id), {"asset_id": str(asset_id)})


def retried(asset_id: UUID, *, seconds: float) -> None:
    """Marks an asset whose message comes again after ``seconds``."""
    try:
        cache.set(_mark(asset_id), 1, timeout=int(seconds) + 60)
    except _LOST as error:
        logger.warning("mark_failed", asset_id=str(asset_id), error=type(error).__name__)


def waiting(asset_ids: Iterable[UUID]) -> int:
    """Of how many of these assets a message is under way, as far as is known.

    Raises:
        RedisError: the broker is not reachable.
    """
    return len(cache.get_many([_mark(asset_id) for asset_id in asset_ids]))


def withdraw(asset_ids: Iterable[UUID]) -> None:
    """Takes messages about these assets out of the queue, with their marks.

    One that a worker has already taken finds no asset and ends.

    Raises:
        RedisError: the broker is not reachable.
    """
    marks = {_mark(asset_id): str(asset_id) for asset_id in asset_ids}
    marked = cache.get_many(list(marks))
    if not marked:
        return
    names = [marks[mark].encode() for mark in marked]
    with current_app.connection_for_write() as broker:
        client: Any = getattr(broker.default_channel, "client", None)  # Redis alone has one
        if client is not None:
            for key in client.scan_iter(match=f"{INGEST_QUEUE}*"):
                if client.type(key) == b"list":
                    _take_out(client, key, names)
    cache.delete_many(list(marked))


def _take_out(client: Any, key: bytes, names: list[bytes]) -> None:
    for message in client.lrange(key, 0, -1):
        try:
            body = base64.b64decode(json.loads(message)["body"])
        except (ValueError, KeyError, TypeError):
            continue
        if any(name in body for name in names):
            client.lrem(key, 0, message)


def _send_marked(
    mark: str,
    *,
    task: str,
    args: list[Any],
    about: Mapping[str, str],
    queue: str = HOUSEKEEPING_QUEUE,
    priority: int = _BACKGROUND_PRIORITY,
    seconds: float = 0.0,
    mark_seconds: int = 60,
) -> bool:
    """Queues a task that bears ``mark`` until it arrives; whether the broker took it."""
    try:
        cache.set(mark, 1, timeout=int(seconds) + mark_seconds)
        current_app.send_task(
            task_name(task),
            args=args,
            queue=queue,
            priority=priority,
            countdown=seconds,
            ignore_result=True,
        )
    except _LOST as error:
        logger.warning("enqueue_failed", **about, error=type(error).__name__)
        _unmark(mark, about)
        return False
    return True


def _unmark(mark: str, about: Mapping[str, str]) -> None:
    try:
        cache.delete(mark)
    except _LOST as error:
        logger.warning("mark_failed", **about, error=type(error).__name__)


def _job_mark(job_id: UUID) -> str:
    return f"reembed:queued:{job_id}"


def enqueue_reembed(*, job_id: UUID, seconds: float = 0.0, tries: int = 0) -> bool:
    """Queues the next stretch of a re-embedding; whether the broker took it.

    ``tries``: how often in a row it found a server away.
    """
    return _send_marked(
        _job_mark(job_id),
        task="reembed",
        args=[str(job_id), tries],
        about={"job_id": str(job_id)},
        queue=REEMBED_QUEUE,
        seconds=seconds,
    )


def reembed_arrived(job_id: UUID) -> None:
    """Takes a job's mark away: its message has arrived, or never will."""
    _unmark(_job_mark(job_id), {"job_id": str(job_id)})


def reembed_queued(job_id: UUID) -> bool:
    """Whether a message for the job is under way, as far as is known.

    Raises:
        RedisError: the broker is not reachable.
    """
    return cache.get(_job_mark(job_id)) is not None


def _reredact_mark(job_id: UUID) -> str:
    return f"reredact:queued:{job_id}"


def enqueue_reredact(*, job_id: UUID, seconds: float = 0.0) -> bool:
    """Queues the next stretch of redacting a collection anew; whether the broker took it."""
    return _send_marked(
        _reredact_mark(job_id),
        task="reredact",
        args=[str(job_id)],
        about={"job_id": str(job_id)},
        seconds=seconds,
    )


def reredact_arrived(job_id: UUID) -> None:
    """Takes the mark away: the message has arrived, or never will."""
    _unmark(_reredact_mark(job_id), {"job_id": str(job_id)})


def reredact_queued(job_id: UUID) -> bool:
    """Whether a message for it is under way, as far as is known.

    Raises:
        RedisError: the broker is not reachable.
    """
    return cache.get(_reredact_mark(job_id)) is not None


def _erasure_mark(request_id: UUID) -> str:
    return f"erasure:queued:{request_id}"


def enqueue_erasure(*, request_id: UUID, seconds: float = 0.0) -> bool:
    """Queues the next stretch of an erasure; whether the broker took it."""
    return _send_marked(
        _erasure_mark(request_id),
        task="erase",
        args=[str(request_id)],
        about={"request_id": str(request_id)},
        priority=_ERASURE_PRIORITY,
        seconds=seconds,
        mark_seconds=MARK_SECONDS,
    )


def erasure_arrived(request_id: UUID) -> None:
    """Takes the mark away: the message has arrived, or never will."""
    _unmark(_erasure_mark(request_id), {"request_id": str(request_id)})


def erasures_not_queued(request_ids: Iterable[UUID]) -> list[UUID]:
    """Those that have no message under way, as far as is known.

    Raises:
        RedisError: the broker is not reachable; then nothing can be queued either.
    """
    wanted = list(request_ids)
    marked = cache.get_many([_erasure_mark(one) for one in wanted])
    return [one for one in wanted if _erasure_mark(one) not in marked]


def enqueue_scrub(*, seconds: float = 0.0) -> bool:
    """Queues the scrubbing of the stores, once for all that ask; whether the broker took it."""
    try:
        if not cache.add(_SCRUB_MARK, 1, timeout=int(seconds) + MARK_SECONDS):
            return True
        current_app.send_task(
            task_name("scrub"),
            queue=HOUSEKEEPING_QUEUE,
            priority=_ERASURE_PRIORITY,
            countdown=seconds,
            ignore_result=True,
        )
    except _LOST as error:
        logger.warning("enqueue_failed", error=type(error).__name__)
        scrub_arrived()
        return False
    return True


def scrub_arrived() -> None:
    """Takes the mark away: the message has arrived, or never will."""
    _unmark(_SCRUB_MARK, {})


def not_queued(asset_ids: Iterable[UUID]) -> list[UUID]:
    """Those that have no message under way, as far as is known. One round trip.

    Raises:
        RedisError: the broker is not reachable; then nothing can be queued either.
    """
    wanted = list(asset_ids)
    marked = cache.get_many([_mark(asset_id) for asset_id in wanted])
    return [asset_id for asset_id in wanted if _mark(asset_id) not in marked]
