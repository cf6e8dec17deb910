"""Redacting a collection's assets anew, after its profile or the profile's rules have changed.

What the present profile takes out and an older version left in is hidden at once: such assets are
withheld, and come back one by one as they are through. Where the change is laxer, each asset stays
searchable until its turn. Before an asset goes back to the beginning nothing is left of its old
redaction: vectors, segments, rendition, small picture and words are gone. Assets whose original
has been destroyed stay as they are, or are withheld too where the steward says so.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import access, queue, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, NotVisible
from retrieval.models import Collection
from retrieval.profile_models import Reredaction
from retrieval.selectors.reredaction import ReredactionPlan, reredaction_plan, running_of

logger = structlog.get_logger("vitrine.reredact")

State = Reredaction.State


def reredact_plan(*, user: User | None, collection_id: UUID) -> ReredactionPlan:
    """What redacting the collection anew would do. ``user`` None is the appliance's operator.

    Raises:
        NotVisible, NotAllowed: the user does not govern the collection.
    """
    _require(user, collection_id)
    with scope.system():
        return reredaction_plan(collection=_collection(collection_id))


def reredact_start(
    *, by: User | None, collection_id: UUID, withhold_rest: bool = False
) -> Reredaction:
    """Begins it, in the workers; one that runs goes on, by whatever the profile is meanwhile.

    ``withhold_rest``: what shows more than the profile allows and has no original any more is
    withheld for good, unless the profile becomes laxer again.

    Raises:
        NotVisible, NotAllowed: ``by`` does not govern the collection.
        Conflict: everything is redacted by the present profile.
    """
    _require(by, collection_id)
    with scope.system():
        collection = _collection(collection_id, lock=True)
        plan = reredaction_plan(collection=collection)
        job = plan.running
        due = plan.again or plan.returning or plan.unsettled or (withhold_rest and plan.exposed)
        if job is None and not due:
            raise Conflict(
                f"Nothing can be redacted anew: all that can be is by {plan.profile.ref}."
            )
        if job is None:
            job = Reredaction.objects.create(
                collection=collection,
                profile_version=plan.profile.ref,
                withhold_rest=withhold_rest,
                total=plan.again,
                started_by=actor_id(by) if by else None,
            )
        elif withhold_rest and not job.withhold_rest:
            Reredaction.objects.filter(pk=job.pk).update(withhold_rest=True)
            job.withhold_rest = True
        _noted("reredact", job, by, plan)
        # robust: the run is committed; the sweeper brings a message that could not be sent.
        transaction.on_commit(partial(_send, job.pk), robust=True)
    return job


def reredact_cancel(*, by: User | None, collection_id: UUID) -> None:
    """Stops after the assets in hand. What is withheld stays so until it is begun again.

    Raises:
        NotVisible, NotAllowed: ``by`` does not govern the collection. Conflict: none goes on.
    """
    _require(by, collection_id)
    with scope.system():
        job = running_of(collection_id=collection_id)
        if job is None:
            raise Conflict("No redaction goes on in this collection.")
        Reredaction.objects.filter(pk=job.pk, state=State.RUNNING).update(
            state=State.CANCELLED, finished_at=timezone.now()
        )
        _noted("cancel", job, by, None)


def reredact_wake(*, node_restarted: bool = False) -> int:
    """Queues the runs for which no message is under way; how many."""
    woken = 0
    with scope.system():
        ids = list(Reredaction.objects.filter(state=State.RUNNING).values_list("id", flat=True))
    for job_id in ids:
        try:
            if not node_restarted and queue.reredact_queued(job_id):
                continue
        except (RedisError, OSError) as error:
            logger.warning("reredact_broker_unreachable", error=type(error).__name__)
            break
        woken += queue.enqueue_reredact(job_id=job_id)
    return woken


def _require(user: User | None, collection_id: UUID) -> None:
    if user is not None:
        access.require(user=user, collection_id=collection_id, permission=Permission.GOVERN)


def _collection(collection_id: UUID, *, lock: bool = False) -> Collection:
    rows = Collection.objects.select_for_update() if lock else Collection.objects.all()
    found = rows.filter(pk=collection_id).first()
    if found is None:
        raise NotVisible("There is no such collection.")
    return found


def _noted(verb: str, job: Reredaction, by: User | None, plan: ReredactionPlan | None) -> None:
    ledger.record(
        event=f"policy:profile:{verb}",
        actor=actor_id(by) if by else None,
        refs={
            "collection": job.collection_id,
            "profile": plan.profile.ref if plan else job.profile_version,
            "job": job.pk,
        },
        payload={
            "again": plan.again,
            "not_any_more": plan.not_any_more,
            "withhold_rest": job.withhold_rest,
        }
        if plan
        else None,
    )


def _send(job_id: UUID) -> None:
    queue.enqueue_reredact(job_id=job_id)
