"""Redaction profiles of an organisation's own, and the work of applying one to what is stored."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone


class RedactionProfile(models.Model):
    """One version of a custom profile. Rows are never changed: a change is a new version.

    The application's database role may add and read rows and nothing else.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=32)
    version = models.PositiveIntegerField()
    body = models.JSONField()  # as ``retrieval.redaction.profile_schema.rules_to`` writes it
    created_by = models.UUIDField(null=True)  # the ledger's id of whoever made it
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_profile_a_version")
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


class Reredaction(models.Model):
    """Bringing what a collection holds under its present profile; at most one runs a collection."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.CASCADE, related_name="reredactions"
    )
    profile_version = models.CharField(max_length=64)  # the one when it was begun
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    withhold_rest = models.BooleanField(default=False)  # what has no original any more, too
    total = models.PositiveIntegerField(default=0)  # assets to redact anew, as it began
    begun = models.PositiveIntegerField(default=0)  # of them, those sent back to the beginning
    withheld = models.PositiveIntegerField(default=0)  # without an original, now withheld
    started_by = models.UUIDField(null=True)  # the ledger's id
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["collection"],
                condition=Q(state="running"),
                name="one_running_reredaction_a_collection",
            )
        ]

    def __str__(self) -> str:
        return f"{self.collection_id}: {self.state}"
