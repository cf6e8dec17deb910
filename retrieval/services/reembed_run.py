"""The work of a re-embedding, batch by batch; whatever happens to a process, the job goes on.

A batch is read, embedded with no transaction open, and written together with the cursor that says
so. Who writes must still hold the job's claim. When a round ends that changed nothing, every
segment has its vector and the job is done; a round that changed something is followed by another.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from audit import ledger
from retrieval import incarnation, queue, scope
from retrieval.encoders.client import ModelUnavailable
from retrieval.errors import Unavailable
from retrieval.models import ReembedJob
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.selectors.models import ActiveModel, model_by_ref
from retrieval.selectors.reembed import page_of, segments_to_embed
from retrieval.services.embedding import Pace
from retrieval.services.reembed_batch import (
    BundleUnusable,
    Embedded,
    batch_embed,
    batch_store,
    items_of,
)
from retrieval.services.reembed_pace import SearchPace

logger = structlog.get_logger("vitrine.reembed")

State = ReembedJob.State

PAGE = 1024  # segments looked at
BATCH = 64  # segments embedded between two commits: what a crash can cost
STRETCH_SECONDS = 3.0  # of one task: short, so that its message is soon acknowledged
LEASE = timedelta(
    minutes=15
)  # no batch takes so long; a claim without a sign of life is taken over
MOST_ROUNDS = 25
MOST_PROBLEMS = 100
_WAIT_SECONDS = (2.0, 10.0, 30.0)
_NEWEST_WEIGHS = 0.2
_TRANSIENT = (OperationalError, InterfaceError)
_LATER = (ModelUnavailable, RedactionUnavailable, Unavailable)


class JobLost(Exception):
    """The job was paused, cancelled, removed or taken over: the batch in hand is dropped."""


@dataclass(frozen=True)
class Next:
    """More is to do, ``seconds`` from now."""

    seconds: float


@dataclass(frozen=True)
class _Held:
    job_id: UUID
    token: UUID
    model: ActiveModel


def reembed_run(
    *,
    job_id: UUID,
    seconds: float = STRETCH_SECONDS,
    pace: Pace | None = None,
    batch: int = BATCH,
    tries: int = 0,
) -> Next | None:
    """Works on a job for a while; None where it rests or somebody else is at it.

    ``tries``: how often a server was away before, for the waiting time. Idempotent.
    """
    queue.reembed_arrived(job_id)
    held = _claimed(job_id)
    if held is None:
        return None
    until = time.monotonic() + seconds
    try:
        with_pace = pace or _pace_of(job_id)
        while _step(held, with_pace, batch):
            if time.monotonic() >= until:
                return Next(0.0)
    except JobLost:
        logger.info("reembed_lost", job_id=str(job_id))
    except _LATER as error:
        return _later(held, error, tries)
    except SoftTimeLimitExceeded:
        return Next(_WAIT_SECONDS[0])
    except BundleUnusable as error:
        _failed(held, str(error))
    except _TRANSIENT:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, an operator has to see it
        _crashed(held, error)
    finally:
        _released(held)
    return None


def _claimed(job_id: UUID) -> _Held | None:
    job = ReembedJob.objects.select_related("model_version").filter(id=job_id).first()
    if job is None or job.state != State.RUNNING or _held_by_another(job):
        return None
    model = model_by_ref(job.model_version.ref)
    token = uuid4()
    rows = ReembedJob.objects.filter(id=job_id, state=State.RUNNING, claim=job.claim).update(
        claim=token, claimed_by=incarnation.me(), heartbeat_at=timezone.now()
    )
    return _Held(job_id, token, model) if rows and model is not None else None


def _held_by_another(job: ReembedJob) -> bool:
    if job.claim is None or job.heartbeat_at is None:
        return False
    alive = timezone.now() - job.heartbeat_at < LEASE
    return alive and not incarnation.is_gone(job.claimed_by)


def _released(held: _Held) -> None:
    ReembedJob.objects.filter(id=held.job_id, claim=held.token).update(claim=None, claimed_by="")


def _pace_of(job_id: UUID) -> SearchPace:
    job = ReembedJob.objects.only("started_at", "rate_limit", "duty").get(id=job_id)
    return _paces.setdefault(
        job_id, SearchPace(started_at=job.started_at, rate_limit=job.rate_limit)
    )


# What a process has learnt of a job's speed outlives the task.
_paces: dict[UUID, SearchPace] = {}


def _step(held: _Held, pace: Pace, batch: int) -> bool:
    """One batch; whether more is to do."""
    began = time.monotonic()
    with scope.system():
        cursor = (
            ReembedJob.objects.filter(id=held.job_id, claim=held.token, state=State.RUNNING)
            .values_list("cursor", flat=True)
            .first()
        )
        if cursor is None:
            raise JobLost(str(held.job_id))
        page = page_of(model=held.model, after=cursor, size=PAGE)
        missing = page.missing[:batch]
        to = missing[-1].segment_id if len(page.missing) > batch else page.to
        items = items_of(missing)
    embedded = Embedded()
    if items:
        embedded = batch_embed(model=held.model, items=items, pace=pace)
    with scope.system():
        changed = batch_store(model=held.model, page=page, to=to, embedded=embedded)
        looked_at = sum(to is None or one.segment_id <= to for one in page.wanted)
        speed = len(embedded.vectors) / max(time.monotonic() - began, 1e-6)
        return _advanced(held, pace, to, looked_at, changed, embedded, speed)


def _advanced(
    held: _Held,
    pace: Pace,
    to: int | None,
    looked_at: int,
    changed: int,
    embedded: Embedded,
    speed: float,
) -> bool:
    """Writes down what the batch did, in its transaction. A pause lets the batch in hand count."""
    job = (
        ReembedJob.objects.select_for_update()
        .filter(id=held.job_id, claim=held.token, state__in=[State.RUNNING, State.PAUSED])
        .first()
    )
    if job is None:
        raise JobLost(str(held.job_id))
    job.heartbeat_at = timezone.now()
    job.reason = ""
    job.mended += changed
    job.done += looked_at
    job.duty = getattr(pace, "duty", 1.0)
    if embedded.vectors:
        job.rate += (_NEWEST_WEIGHS if job.rate else 1.0) * (speed - job.rate)
    told = [{"asset": str(asset), "code": code} for asset, code in embedded.problems.items()]
    known = {one["asset"] for one in job.problems}
    job.problems = [*job.problems, *(one for one in told if one["asset"] not in known)][
        :MOST_PROBLEMS
    ]
    if to is not None:
        job.cursor = to
    else:
        _round_ended(job, held.model)
    job.save()
    return job.state == State.RUNNING


def _round_ended(job: ReembedJob, model: ActiveModel) -> None:
    job.cursor = 0
    if job.mended and job.round < MOST_ROUNDS:
        job.round += 1
        job.mended, job.done, job.problems = 0, 0, []
        job.total = segments_to_embed(model=model)
        return
    if job.state == State.PAUSED:
        return  # resumed, it finds nothing to do and ends
    job.done = job.total = segments_to_embed(model=model)
    job.finished_at = timezone.now()
    if job.mended or job.problems:
        job.state = State.FAILED
        job.reason = "assets-left-out" if job.problems else "never-settled"
    else:
        job.state = State.DONE
    _noted(job, model)


def _noted(job: ReembedJob, model: ActiveModel) -> None:
    event = "finish" if job.state == State.DONE else "fail"
    ledger.record(
        event=f"models:reembed:{event}",
        actor=None,
        refs={"model": model.ref, "job": str(job.id)},
        payload={"segments": job.total, "rounds": job.round, "reason": job.reason},
    )
    logger.info("reembed_ended", model=model.ref, state=job.state, reason=job.reason)


def _failed(held: _Held, reason: str) -> None:
    with transaction.atomic():
        job = (
            ReembedJob.objects.select_for_update()
            .filter(id=held.job_id, claim=held.token, state=State.RUNNING)
            .first()
        )
        if job is None:
            return
        job.state, job.reason, job.finished_at = State.FAILED, reason[:64], timezone.now()
        job.save(update_fields=["state", "reason", "finished_at"])
        _noted(job, held.model)


def _crashed(held: _Held, error: Exception) -> None:
    """Kind and place of the error only: a message may hold content."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename}:{frame.lineno}"
    logger.error(
        "reembed_crashed", job_id=str(held.job_id), error=type(error).__name__, where=where
    )
    _failed(held, f"crashed: {type(error).__name__}")


def _later(held: _Held, error: Exception, tries: int) -> Next:
    code = str(getattr(error, "code", "unavailable"))
    asked = getattr(error, "retry_after_seconds", None) or 0.0
    seconds = max(asked, _WAIT_SECONDS[min(tries, len(_WAIT_SECONDS) - 1)])
    ReembedJob.objects.filter(id=held.job_id, claim=held.token).update(
        reason=f"waits: {code}"[:64], heartbeat_at=timezone.now()
    )
    logger.warning("reembed_waits", job_id=str(held.job_id), code=code, seconds=seconds)
    return Next(seconds)
