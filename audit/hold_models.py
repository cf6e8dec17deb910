"""Legal holds, and what is known of each purge: its progress, its tally, pauses and warnings.

Ids only, as everywhere in this room. Row-level security shows these rows to the appliance itself
(``vitrine.system``) alone; who may see which is decided above, before they are read.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

HELD_THINGS = ("subject", "asset", "collection", "query")


def _exactly_one() -> Q:
    """A hold is on one thing."""
    one = Q()
    for held in HELD_THINGS:
        one |= Q(**{f"{name}__isnull": name != held for name in HELD_THINGS})
    return one


class LegalHold(models.Model):
    """Something that must not be destroyed, whatever period or request says otherwise.

    ``home`` is the collection whose stewards may know of it: the held one, or the held asset's.
    Holds on a subject or on a query have none; governors alone see them.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        RELEASED = "released"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.UUIDField(null=True)
    asset = models.UUIDField(null=True)
    collection = models.UUIDField(null=True)
    query = models.UUIDField(null=True)  # the id of a search
    home = models.UUIDField(null=True)
    reason = models.CharField(max_length=500)
    placed_by = models.UUIDField(null=True)  # the ledger's id of whoever placed it
    placed_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    released_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    release_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-placed_at", "id"]
        constraints = [models.CheckConstraint(condition=_exactly_one(), name="hold_on_one_thing")]
        indexes = [
            models.Index(fields=[name], condition=Q(state="active"), name=f"held_{name}")
            for name in HELD_THINGS
        ]

    def __str__(self) -> str:
        return str(self.id)


class PurgeRun(models.Model):
    """One purge: where it stands, so that the next one resumes it, and in the end its report."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused"  # the clock was not to be trusted

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    by = models.UUIDField(null=True)  # None: the schedule
    # Everything that fell due up to here; what falls due while it runs is left to the next run.
    until = models.DateTimeField()
    step = models.CharField(max_length=16, blank=True)  # which kind it is at
    resumed = models.PositiveIntegerField(default=0)  # how often it was begun again
    reason = models.CharField(max_length=64, blank=True)  # a code, where it was refused

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["state", "-started_at"], name="purge_runs_by_state")]

    def __str__(self) -> str:
        return str(self.id)


class PurgeTally(models.Model):
    """How much of one kind a run destroyed in one collection, and what it had to leave."""

    run = models.ForeignKey(PurgeRun, on_delete=models.CASCADE, related_name="tallies")
    what = models.CharField(max_length=16)
    collection = models.UUIDField(null=True)  # None: what belongs to no collection
    purged = models.PositiveBigIntegerField(default=0)
    held = models.PositiveBigIntegerField(default=0)  # left because of a hold
    paused = models.PositiveBigIntegerField(default=0)  # left because of a pause
    failed = models.PositiveBigIntegerField(default=0)  # left because a file could not be removed

    class Meta:
        ordering = ["what", "collection"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "what", "collection"],
                nulls_distinct=False,
                name="one_tally_a_kind_and_collection",
            )
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.collection}"


class RetentionPause(models.Model):
    """Nothing is purged for a while: on the whole appliance, or in one collection."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.UUIDField(null=True)  # None: the whole appliance
    reason = models.CharField(max_length=500)
    placed_by = models.UUIDField(null=True)
    placed_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    ended_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)  # before its time

    class Meta:
        ordering = ["-placed_at", "id"]
        indexes = [
            models.Index(fields=["until"], condition=Q(ended_at=None), name="pauses_in_force")
        ]

    def __str__(self) -> str:
        return str(self.id)


class RetentionWarning(models.Model):
    """A warning that was given: what falls due on a day in a collection. Each is given once."""

    collection = models.UUIDField()
    what = models.CharField(max_length=16)
    day = models.DateField()  # UTC
    due = models.PositiveBigIntegerField()  # how much, when the warning was given
    warned_at = models.DateTimeField(default=timezone.now)
    mailed = models.PositiveIntegerField(default=0)  # to how many people

    class Meta:
        ordering = ["day", "collection", "what"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "what", "day"], name="warned_once")
        ]

    def __str__(self) -> str:
        return f"{self.what} on {self.day}"


class ClockMark(models.Model):
    """When the clock was last found plausible. One row; see ``audit.clock``."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()  # by the clock on the wall
    boot = models.CharField(max_length=36, blank=True)  # of which start of which machine
    boot_seconds = models.FloatField(default=0)  # by the clock that nobody sets
    alarm = models.CharField(max_length=32, blank=True)  # what was wrong the last time
    alarm_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.alarm or "plausible"
