"""Which version was put in another's place, on what grounds, and what a rollback undoes."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from retrieval.models import Collection, ModelVersion


class Promotion(models.Model):
    """One version put in another's place: what a rollback undoes, and on what grounds it was done.

    For one ``collection``, or for all that have no version of their own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="promotions")
    # Empty where nothing had to make room. The ref outlives the version.
    replaced = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    replaced_ref = models.CharField(max_length=100, blank=True)
    collection = models.ForeignKey(
        Collection, null=True, on_delete=models.CASCADE, related_name="promotions"
    )
    at = models.DateTimeField(default=timezone.now)
    actor = models.UUIDField(null=True)  # the ledger's id of whoever did it
    forced = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    evaluations = models.JSONField(default=list)  # ids of the runs that were looked at
    findings = models.JSONField(default=list)  # what stood against it
    rolled_back_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.version_id} at {self.at:%Y-%m-%d %H:%M}"
