"""The Celery tasks: an id in, one service call; ``retrieval.services`` decides the rest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from celery import Task, shared_task
from celery.exceptions import Ignore, Reject, Retry
from django.db import InterfaceError, OperationalError, close_old_connections

from accounts import idempotency
from audit import searches
from audit.actor_periods import actors_expire, actors_retire
from audit.checkpoints import LedgerBroken, checkpoint_if_due
from audit.checkpoints.delivery import deliver_due
from audit.clock import ClockImplausible, clock_check
from retrieval import queue
from retrieval.journal import journal_catch_up
from retrieval.services import purge as purging
from retrieval.services import sweep as sweeping
from retrieval.services.consents import consents_due
from retrieval.services.datasets import datasets_recheck
from retrieval.services.erasure_proving import erasures_prove
from retrieval.services.erasure_run import erasure_run, erasures_sweep, erasures_waiting
from retrieval.services.monitoring import monitoring_run
from retrieval.services.purge_warnings import warnings_give
from retrieval.services.reembed_run import reembed_run
from retrieval.services.reredaction_run import reredact_run
from retrieval.services.stages import StageCrashed, stage_run
from retrieval.services.vectors.upkeep import upkeep_due, upkeep_spawn
from workers.singleton import alone

logger = structlog.get_logger("vitrine.tasks")

# Above the redaction client's own limit for one upload; below claims' lease and Redis' visibility
# timeout.
STAGE_SOFT_SECONDS = 2000
STAGE_HARD_SECONDS = 2100
# A stretch takes seconds; the slowest batch that a server may still answer is far below.
REEMBED_SOFT_SECONDS = 800
REEMBED_HARD_SECONDS = 840
SCRUB_AGAIN_SECONDS = 3.0
_TRANSIENT = (OperationalError, InterfaceError)
_MOST_BACKOFF_SECONDS = 300.0
_OUTAGE_BACKOFF_SECONDS = 30.0


if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task  # takes parameters in its stubs alone


class TaskFailed(Exception):
    """A task failed. It names the kind of failure only: Celery logs what it is raised with."""


class QuietTask(_Task):
    """Base of every task: retries what is transient, and lets no exception's text into a log.

    A database that does not answer is tried again for ever, at growing distances: the sweeper would
    bring the work back anyway. Everything else has been dealt with by the service.
    """

    ignore_result = True
    max_retries = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the task and translates what it raises."""
        close_old_connections()
        try:
            return self.run(*args, **kwargs)
        except (Retry, Ignore, Reject):
            raise
        except _TRANSIENT as error:
            logger.warning("task_postponed", task=self.name, error=type(error).__name__)
            wait = _backoff(self, most=_MOST_BACKOFF_SECONDS)
            raise self.retry(exc=TaskFailed(type(error).__name__), countdown=wait) from None
        except Exception as error:  # noqa: BLE001 - told without its text
            known = str(error) if isinstance(error, StageCrashed) else type(error).__name__
            logger.error("task_failed", task=self.name, error=known)  # noqa: TRY400 - no message
            raise TaskFailed(known) from None


def _backoff(task: QuietTask, *, most: float) -> float:
    """Seconds before the next try: 2, 4, 8, ... up to ``most``."""
    return min(2.0 ** min(task.request.retries + 1, 16), most)


def _stage(task: QuietTask, stage: str, asset_id: str) -> None:
    try:
        again = stage_run(stage=stage, asset_id=UUID(asset_id))
    except StageCrashed as error:
        logger.error("stage_crashed", stage=stage, asset_id=asset_id, error=str(error))  # noqa: TRY400
        seconds = _backoff(task, most=_MOST_BACKOFF_SECONDS)
    else:
        if again is None:
            return
        # While a server is down a whole backlog comes round, each message more and more rarely.
        seconds = max(again.seconds, _backoff(task, most=_OUTAGE_BACKOFF_SECONDS))
    queue.retried(UUID(asset_id), seconds=seconds)
    raise task.retry(countdown=seconds)


_stage_task = partial(
    shared_task,
    base=QuietTask,
    bind=True,
    soft_time_limit=STAGE_SOFT_SECONDS,
    time_limit=STAGE_HARD_SECONDS,
)
_chore = partial(shared_task, base=QuietTask)  # the senders name the queue


@_stage_task(name=queue.task_name("redact"))
def redact(task: QuietTask, asset_id: str) -> None:
    """From the original to rendition, thumbnail and segments."""
    _stage(task, "redact", asset_id)


@_stage_task(name=queue.task_name("verify"))
def verify(task: QuietTask, asset_id: str) -> None:
    """A second look at the rendition."""
    _stage(task, "verify", asset_id)


@_stage_task(name=queue.task_name("embed"))
def embed(task: QuietTask, asset_id: str) -> None:
    """From the rendition to vectors, and searchable."""
    _stage(task, "embed", asset_id)


@shared_task(
    base=QuietTask,
    bind=True,
    name=queue.task_name("reembed"),
    soft_time_limit=REEMBED_SOFT_SECONDS,
    time_limit=REEMBED_HARD_SECONDS,
)
def reembed(task: QuietTask, job_id: str, tries: int = 0) -> None:
    """A few seconds of a re-embedding, and the message for the next ones."""
    del task
    again = reembed_run(job_id=UUID(job_id), tries=tries)
    if again is not None:
        waited = tries + 1 if again.seconds else 0
        queue.enqueue_reembed(job_id=UUID(job_id), seconds=again.seconds, tries=waited)


@_chore(name=queue.task_name("reredact"))
def reredact(job_id: str) -> None:
    """A stretch of redacting a collection anew, and the message for the next one."""
    queue.reredact_arrived(UUID(job_id))
    again = reredact_run(job_id=UUID(job_id))
    if again is not None:
        queue.enqueue_reredact(job_id=UUID(job_id), seconds=again.seconds)


@_chore(name="workers.tasks.sweep")
def sweep() -> None:
    """Queues again what was left behind."""
    with alone("sweep") as first:
        if first:
            sweeping.sweep()


@_chore(name="workers.tasks.purge")
def purge() -> None:
    """Destroys what is due by the retention policies."""
    with alone("purge") as first:
        if first:
            try:
                purging.purge()
            except (ClockImplausible, purging.PurgeRunning) as error:
                logger.warning("purge_refused", error=type(error).__name__)


@_chore(name="workers.tasks.forget_answers")
def forget_answers() -> None:
    """Forgets the answers kept for an Idempotency-Key whose day is over."""
    with alone("forget_answers") as first:
        if first:
            idempotency.forget_old()


@_chore(name="workers.tasks.purge_kept_queries")
def purge_kept_queries() -> None:
    """Destroys kept queries whose period is over."""
    with alone("purge_kept_queries") as first:
        if first:
            try:
                searches.purge_kept_queries()
            except ClockImplausible as error:
                logger.warning("purge_refused", error=type(error).__name__)


@_chore(name="workers.tasks.purge_warnings")
def purge_warnings() -> None:
    """Tells stewards what retention will destroy soon."""
    with alone("purge_warnings") as first:
        if first:
            warnings_give()


@_chore(name="workers.tasks.monitor")
def monitor() -> None:
    """Looks for what is unusual in searches, if an agreement permits it; else nothing is read."""
    with alone("monitor") as first:
        if first:
            monitoring_run()


@_chore(name="workers.tasks.consents")
def consents() -> None:
    """Moves what a consent that began or ended lets back or withholds."""
    with alone("consents") as first:
        if first:
            consents_due()


@_chore(name="workers.tasks.vectors")
def vectors() -> None:
    """Large collections get indexes of their own; a build takes minutes, so a child does it."""
    if upkeep_due():
        upkeep_spawn()


@_chore(name=queue.task_name("erase"))
def erase(request_id: str) -> None:
    """Runs an erasure up to its scrubbing, from wherever another process left it."""
    queue.erasure_arrived(UUID(request_id))
    erasure_run(request_id=UUID(request_id))


@_chore(name=queue.task_name("scrub"))
def scrub() -> None:
    """Rids the stores of what erased rows left, and issues the receipts."""
    queue.scrub_arrived()
    with alone("scrub") as first:
        while first and erasures_prove():
            pass
    if erasures_waiting():
        queue.enqueue_scrub(seconds=SCRUB_AGAIN_SECONDS)


@_chore(name="workers.tasks.erasures")
def erasures() -> None:
    """Queues erasures again that were left behind, and those that are no longer held."""
    with alone("erasures") as first:
        if first:
            erasures_sweep()


@_chore(name="workers.tasks.journal")
def journal() -> None:
    """Adds to the journal what was changed in bulk, without a signal for each row."""
    with alone("journal") as first:
        if first:
            journal_catch_up()


@_chore(name="workers.tasks.datasets")
def datasets() -> None:
    """Marks items of datasets that may not be trained on any more."""
    with alone("datasets") as first:
        if first:
            datasets_recheck()


@_chore(name="workers.tasks.checkpoints")
def checkpoints() -> None:
    """Signs a checkpoint of the ledger if one is due, and sends what waits to the sinks."""
    with alone("checkpoints") as first:
        if first:
            try:
                checkpoint_if_due()
            except LedgerBroken as error:
                logger.error("checkpoint_refused", error=type(error).__name__)  # noqa: TRY400
            deliver_due()


@_chore(name="workers.tasks.actors")
def actors() -> None:
    """Gives people new ids in the ledger, and destroys the names of ids whose period is over."""
    with alone("actors") as first:
        if not first:
            return
        while actors_retire():
            pass
        try:
            clock_check()
            while actors_expire():
                pass
        except ClockImplausible as error:
            logger.warning("purge_refused", error=type(error).__name__)
