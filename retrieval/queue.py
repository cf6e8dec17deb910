"""Work is handed to the workers by task name, after the commit that makes it due; ids only.

A message may be lost (Redis keeps nothing on a disk): the sweeper finds over the database what was
left behind. The ``queued`` marks lie in the same Redis as the queue and share its fate; they keep
the sweeper from queueing again what still waits its turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
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
    try:
        cache.delete(_mark(asset_id))
    except _LOST as error:
        logger.warning("mark_failed", asset_id=str(asset_id), error=type(error).__name__)


def retried(asset_id: UUID, *, seconds: float) -> None:
    """Marks an asset whose message comes again after ``seconds``."""
    try:
        cache.set(_mark(asset_id), 1, timeout=int(seconds) + 60)
    except _LOST as error:
        logger.warning("mark_failed", asset_id=str(asset_id), error=type(error).__name__)


def _job_mark(job_id: UUID) -> str:
    return f"reembed:queued:{job_id}"


def enqueue_reembed(*, job_id: UUID, seconds: float = 0.0, tries: int = 0) -> bool:
    """Queues the next stretch of a re-embedding; whether the broker took it.

    ``tries``: how often in a row it found a server away.
    """
    try:
        cache.set(_job_mark(job_id), 1, timeout=int(seconds) + 60)
        current_app.send_task(
            task_name("reembed"),
            args=[str(job_id), tries],
            queue=REEMBED_QUEUE,
            priority=_BACKGROUND_PRIORITY,
            countdown=seconds,
            ignore_result=True,
        )
    except _LOST as error:
        logger.warning("enqueue_failed", job_id=str(job_id), error=type(error).__name__)
        reembed_arrived(job_id)
        return False
    return True


def reembed_arrived(job_id: UUID) -> None:
    """Takes a job's mark away: its message has arrived, or never will."""
    try:
        cache.delete(_job_mark(job_id))
    except _LOST as error:
        logger.warning("mark_failed", job_id=str(job_id), error=type(error).__name__)


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
    try:
        cache.set(_reredact_mark(job_id), 1, timeout=int(seconds) + 60)
        current_app.send_task(
            task_name("reredact"),
            args=[str(job_id)],
            queue=HOUSEKEEPING_QUEUE,
            priority=_BACKGROUND_PRIORITY,
            countdown=seconds,
            ignore_result=True,
        )
    except _LOST as error:
        logger.warning("enqueue_failed", job_id=str(job_id), error=type(error).__name__)
        reredact_arrived(job_id)
        return False
    return True


def reredact_arrived(job_id: UUID) -> None:
    """Takes the mark away: the message has arrived, or never will."""
    try:
        cache.delete(_reredact_mark(job_id))
    except _LOST as error:
        logger.warning("mark_failed", job_id=str(job_id), error=type(error).__name__)


def reredact_queued(job_id: UUID) -> bool:
    """Whether a message for it is under way, as far as is known.

    Raises:
        RedisError: the broker is not reachable.
    """
    return cache.get(_reredact_mark(job_id)) is not None


def not_queued(asset_ids: Iterable[UUID]) -> list[UUID]:
    """Those that have no message under way, as far as is known. One round trip.

    Raises:
        RedisError: the broker is not reachable; then nothing can be queued either.
    """
    wanted = list(asset_ids)
    marked = cache.get_many([_mark(asset_id) for asset_id in wanted])
    return [asset_id for asset_id in wanted if _mark(asset_id) not in marked]
