"""Re-embedding: another version's vectors made beside live search, from what is already stored."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from redis.exceptions import RedisError

from accounts.models import User
from accounts.trail import note
from retrieval import incarnation, queue, scope
from retrieval.encoders.bundle import BundleError
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import ModelVersion, ReembedJob
from retrieval.selectors.models import ActiveModel, model_by_ref
from retrieval.selectors.reembed import ReembedStatus, segments_to_embed
from retrieval.selectors.reembed import reembed_status as _status
from retrieval.services.maintained import fence_take

logger = structlog.get_logger("vitrine.reembed")

State = ReembedJob.State
_RESTING = (State.DONE, State.FAILED, State.CANCELLED)


def reembed_status(*, ref: str) -> ReembedStatus | None:
    """How far ``ref`` is; ``complete`` is counted now. See ``selectors.reembed``."""
    with scope.system():
        return _status(ref=ref)


def reembed_start(*, ref: str, by: User | None, rate_limit: float | None = None) -> ReembedJob:
    """Fills the table of ``ref`` from the start, in the workers; one that runs is left to run.

    From its commit on, uploads are embedded under this version too. ``rate_limit``: segments a
    second at most; without it, as fast as searches beside it allow.

    Raises:
        NotVisible: no such version. Invalid: a rate that is not above 0, or files that are gone.
        Conflict: it is paused.
    """
    if rate_limit is not None and not rate_limit > 0:
        raise Invalid("The rate must be above 0.", fields={"rate_limit": ["Not above 0."]})
    model = _model(ref)
    with scope.system():
        fence_take()
        # Two that start it at once wait here for each other.
        version = ModelVersion.objects.select_for_update().get(pk=model.id)
        job = ReembedJob.objects.filter(model_version=version).first()
        if job is not None and job.state == State.RUNNING:
            return job
        if job is not None and job.state == State.PAUSED:
            raise Conflict(f"The re-embedding of {ref} is paused; resume or cancel it.")
        if job is not None:
            job.delete()
        job = ReembedJob.objects.create(
            model_version=version, rate_limit=rate_limit, total=segments_to_embed(model=model)
        )
        _noted("start", job, ref, by)
        _go(job)
    return job


def reembed_pause(*, ref: str, by: User | None) -> None:
    """Stops after the batch in hand. Uploads go on being embedded under the version.

    Raises:
        NotVisible: no such version. Conflict: it is not running.
    """
    _moved(ref, by, "pause", old=(State.RUNNING,), new=State.PAUSED)


def reembed_resume(*, ref: str, by: User | None) -> None:
    """Goes on where it was paused; one that failed is gone through again for what it lacks.

    Raises:
        NotVisible: no such version. Conflict: it neither is paused nor has failed.
    """
    _moved(ref, by, "resume", old=(State.PAUSED, State.FAILED), new=State.RUNNING)


def reembed_cancel(*, ref: str, by: User | None) -> None:
    """Gives it up: uploads leave the version out. Its vectors stay until the version is removed.

    Raises:
        NotVisible: no such version. Conflict: it has ended.
    """
    old = (State.RUNNING, State.PAUSED, State.FAILED)
    _moved(ref, by, "cancel", old=old, new=State.CANCELLED)


def reembed_wake(*, node_restarted: bool = False) -> int:
    """Queues running jobs that nobody works on and no message is under way for; how many.

    ``node_restarted``: a worker of this machine has just started, so no message may be left.
    """
    woken = 0
    for job in ReembedJob.objects.filter(state=State.RUNNING):
        gone = incarnation.is_gone(job.claimed_by, node_restarted=node_restarted)
        if job.claim is not None and not gone:
            continue
        try:
            if not node_restarted and queue.reembed_queued(job.id):
                continue
        except (RedisError, OSError) as error:
            logger.warning("reembed_broker_unreachable", error=type(error).__name__)
            break
        woken += queue.enqueue_reembed(job_id=job.id)
    return woken


def _model(ref: str) -> ActiveModel:
    model = model_by_ref(ref)
    if model is None:
        raise NotVisible("No such model is installed.")
    try:
        model.folder  # noqa: B018 - asks whether it is there
    except BundleError:
        raise Invalid(f"The files of {ref} are gone; install its bundle again.") from None
    return model


def _moved(ref: str, by: User | None, verb: str, *, old: tuple[str, ...], new: str) -> None:
    """A conditional update decides the race with the job's own end."""
    model = _model(ref) if new == State.RUNNING else model_by_ref(ref)
    if model is None:
        raise NotVisible("No such model is installed.")
    with scope.system():
        fence_take()
        job = ReembedJob.objects.select_for_update().filter(model_version_id=model.id).first()
        if job is None or job.state not in old:
            raise Conflict(f"The re-embedding of {ref} is {job.state if job else 'not begun'}.")
        if job.state == State.FAILED and new == State.RUNNING:
            # Uploads left the version out meanwhile.
            job.cursor = job.done = job.mended = 0
            job.problems, job.round = [], job.round + 1
            job.finished_at = None
        job.state, job.reason = new, ""
        job.save()
        _noted(verb, job, ref, by)
        if new == State.RUNNING:
            _go(job)


def _noted(verb: str, job: ReembedJob, ref: str, by: User | None) -> None:
    note(event=f"models:reembed:{verb}", by=by, refs={"model": ref, "job": str(job.id)})


def _go(job: ReembedJob) -> None:
    # robust: the job is committed; the sweeper brings a message that could not be sent.
    transaction.on_commit(partial(_send, job.id), robust=True)


def _send(job_id: UUID) -> None:
    queue.enqueue_reembed(job_id=job_id)
