"""Keeping every maintained table complete while the set of maintained versions changes.

An upload is embedded under the versions that are maintained when it is stored. Whoever adds a
version to them takes the fence first: from then on every upload that is stored knows of it, and
every one that did not is committed, so that walking over what is stored finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import connection
from django.db.models import F

from retrieval.models import ReembedJob

_FENCE = (0x7669747, 0x6D6F64)  # the pair of an advisory lock of our own


def fence_pass() -> None:
    """Until the transaction ends, no version becomes maintained."""
    _lock("SELECT pg_advisory_xact_lock_shared(%s, %s)")


def fence_take() -> None:
    """Until the transaction ends, nothing that comes in is stored. For a moment only."""
    _lock("SELECT pg_advisory_xact_lock(%s, %s)")


def look_again(*, model_ids: Iterable[UUID], before_segment: int) -> int:
    """Tells the jobs of these versions that a segment is missing; how many were told.

    A finished one goes on from ``before_segment``; the sweeper wakes it. Inside a transaction.
    """
    jobs = ReembedJob.objects.filter(model_version_id__in=list(model_ids))
    state = ReembedJob.State
    told = jobs.filter(state__in=[state.RUNNING, state.PAUSED]).update(mended=F("mended") + 1)
    return told + jobs.filter(state=state.DONE).update(
        state=state.RUNNING, cursor=before_segment, round=F("round") + 1, mended=0, finished_at=None
    )


def _lock(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, _FENCE)
