"""What looks at how people search: only under an agreement that is named here."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class MonitoringAgreement(models.Model):
    """The agreement (works council, policy) under which anomalies are looked for, while it holds.

    Hours and weekdays (1 is Monday) are those that the agreement calls usual, in ``time_zone``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=200)
    agreed_on = models.DateField()
    opens = models.TimeField()
    closes = models.TimeField()
    weekdays = ArrayField(models.PositiveSmallIntegerField())
    time_zone = models.CharField(max_length=64)
    begun_at = models.DateTimeField(default=timezone.now)
    begun_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)

    class Meta:
        ordering = ["-begun_at"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(ended_at=None), name="one_agreement_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class AnomalyFlag(models.Model):
    """Something unusual in what one person did; numbers and ids, no query.

    A flag says what to look at, and nothing about why. It goes at ``expires_at``, and with the
    agreement under which it was computed.
    """

    class Kind(models.TextChoices):
        BULK_PROBING = "bulk-probing"
        NEAR_DUPLICATES = "near-duplicates"
        OFF_HOURS_RAW = "off-hours-raw"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agreement = models.ForeignKey(
        MonitoringAgreement, on_delete=models.CASCADE, related_name="flags"
    )
    kind = models.CharField(max_length=24, choices=Kind.choices)
    actor = models.UUIDField(db_index=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    evidence = models.JSONField(default=dict)
    found_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-since", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "actor", "since"], name="flagged_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
