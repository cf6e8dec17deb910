"""The guarantee behind the queue: what a dead process or lost message left is queued again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from retrieval import incarnation, queue, scope
from retrieval.models import Asset
from retrieval.services.active_file import active_file_write
from retrieval.services.indexing import words_backfill
from retrieval.services.reembed import reembed_wake
from retrieval.services.reredaction import reredact_wake
from retrieval.services.review_queue import reviews_missing_open
from retrieval.states import IN_PROGRESS, STAGE_OF, State

logger = structlog.get_logger("vitrine.sweep")

BATCH = 1000
# A stage is queued right after its commit; until then its asset only looks left behind.
_GRACE = timedelta(seconds=5)


@dataclass(frozen=True)
class Swept:
    """Claims of dead processes given back, assets queued again, re-embeddings woken.

    ``reviews``: quarantined assets that had no open review and have one now.
    """

    released: int = 0
    queued: int = 0
    woken: int = 0
    reviews: int = 0


def sweep(*, node_restarted: bool = False, batch: int = BATCH) -> Swept:
    """Gives back the claims of processes that have ended and queues what waits without a message.

    ``node_restarted``: a worker of this machine has just started, so every message its forerunner
    held is queued again at once, whatever the marks say. A message too many is harmless: the second
    finds nothing due.
    """
    woken = reembed_wake(node_restarted=node_restarted)
    woken += reredact_wake(node_restarted=node_restarted)
    active_file_write()
    released = _release_dead_claims(node_restarted=node_restarted)
    with scope.system():
        reviews = reviews_missing_open(batch=batch)
    words_backfill()
    waiting = _waiting(batch, grace=timedelta(0) if node_restarted else _GRACE)
    try:
        wanted = set(waiting) if node_restarted else set(queue.not_queued(waiting))
    except (RedisError, OSError) as error:
        logger.warning("sweep_broker_unreachable", error=type(error).__name__)
        return Swept(released=released, woken=woken, reviews=reviews)
    queued = sum(
        queue.enqueue(stage=stage, asset_id=asset_id)
        for asset_id, stage in waiting.items()
        if asset_id in wanted
    )
    if released or queued or woken or reviews:
        logger.info(
            "swept",
            released=released,
            queued=queued,
            woken=woken,
            reviews=reviews,
            node_restarted=node_restarted,
        )
    return Swept(released=released, queued=queued, woken=woken, reviews=reviews)


def _release_dead_claims(*, node_restarted: bool) -> int:
    """Conditional on the very claim that was judged; one taken over in between is left alone."""
    released = 0
    with scope.system():
        held = Asset.objects.filter(state__in=IN_PROGRESS, claim__isnull=False)
        for asset_id, claim, holder in held.values_list("id", "claim", "claimed_by"):
            if incarnation.is_gone(holder, node_restarted=node_restarted):
                released += Asset.objects.filter(id=asset_id, claim=claim).update(
                    claim=None, claimed_until=None, claimed_by=""
                )
    return released


def _waiting(batch: int, *, grace: timedelta) -> dict[UUID, str]:
    """Assets in progress nobody works on, longest waiting first, with the stage that is due."""
    now = timezone.now()
    with scope.system():
        rows = (
            Asset.objects.filter(
                Q(claim__isnull=True) | Q(claimed_until__lt=now),
                state__in=IN_PROGRESS,
                state_changed_at__lte=now - grace,
            )
            .order_by("state_changed_at")
            .values_list("id", "state")[:batch]
        )
        return {asset_id: STAGE_OF[State(state)] for asset_id, state in rows}
