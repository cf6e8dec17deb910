"""What a collection declares to be good enough, and single failures of an evaluation."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone


class EvaluationTask(models.Model):
    """One version of a declared task. Rows are never changed: a change is a new version.

    The application's database role may not update them, so when a bound was declared cannot be
    moved to before it was measured.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.CASCADE, related_name="evaluation_tasks"
    )
    name = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    pair = models.CharField(max_length=40, blank=True)  # empty for figures of no pair
    figure = models.CharField(max_length=32)
    bound = models.FloatField()  # at least, or at most where less is better
    margin = models.FloatField(null=True)  # how much worse than the model in use is accepted
    active = models.BooleanField(default=True)  # False: from this version on it is withdrawn
    reason = models.CharField(max_length=300, blank=True)  # why it was changed or withdrawn
    declared_by = models.UUIDField(null=True)  # the ledger's id of whoever declared it
    declared_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "name", "version"], name="one_task_a_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class EvaluationCase(models.Model):
    """One failure of one run: ids and numbers.

    Words are kept of public data only. A collection's are found again through what its labelled
    queries still hold, so that they go with them.
    """

    run = models.ForeignKey(
        "retrieval.EvaluationRun", on_delete=models.CASCADE, related_name="cases"
    )
    collection = models.ForeignKey(
        "retrieval.Collection", null=True, on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(max_length=16)  # worst, hub, confusion, prompt
    pair = models.CharField(max_length=40)
    position = models.PositiveIntegerField()  # among those of its kind and pair, from 1
    body = models.JSONField()
    assets = ArrayField(models.UUIDField(), default=list)  # those it is about, of a collection

    class Meta:
        ordering = ["run_id", "pair", "kind", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "pair", "kind", "position"], name="one_case_a_position"
            )
        ]
        indexes = [GinIndex(fields=["assets"], name="cases_by_asset")]

    def __str__(self) -> str:
        return f"{self.kind} {self.position} of {self.run_id}"
