"""The rows of the review queue: what redaction found, and what stewards decided about it.

Places and kinds only: never what was found there.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class RedactionReport(models.Model):
    """What one run of redaction found in one asset, and what the second look found after it.

    Findings are as ``retrieval.redaction.base.finding_to`` writes them. ``findings`` were taken
    out; their characters count in the original. ``low`` was left in for a steward, ``remaining``
    is what the second look still found; both count in the rendition. ``accepted`` is what a steward
    has called a false alarm: a later look passes over it.
    """

    asset = models.ForeignKey("retrieval.Asset", on_delete=models.CASCADE, related_name="reports")
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.CASCADE, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)
    profile_version = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=16, blank=True)  # ISO 639-1; empty: undecided
    findings = models.JSONField(default=list, blank=True)
    low = models.JSONField(default=list, blank=True)
    remaining = models.JSONField(default=list, blank=True)
    accepted = models.JSONField(default=list, blank=True)
    # Reasons of the second look besides findings, such as a language, that a steward has accepted.
    accepted_reasons = models.JSONField(default=list, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)  # the second look came to an end

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.asset_id} at {self.at:%Y-%m-%d %H:%M}"


class Review(models.Model):
    """One asset before a steward, and what was decided. At most one is open an asset."""

    class Kind(models.TextChoices):
        QUARANTINED = "quarantined"
        LOW_CONFIDENCE = "low-confidence"

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"  # what was found is a false alarm, or may stay
        REDACTED = "redacted"  # more was taken out
        REJECTED = "rejected"  # the asset is not to be used
        RETRIED = "retried"  # run again from the original
        CLOSED = "closed"  # nobody decided: the asset went another way

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asset = models.ForeignKey("retrieval.Asset", on_delete=models.CASCADE, related_name="reviews")
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.CASCADE, related_name="+"
    )
    report = models.ForeignKey(
        RedactionReport, null=True, on_delete=models.CASCADE, related_name="reviews"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    reason = models.CharField(max_length=64, blank=True)  # the asset's code
    reason_detail = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decision_reason = models.CharField(max_length=300, blank=True)  # redacted, as a title is
    # What a steward drew, each {"start", "end"}, {"box"} or {"start_ms", "end_ms"}, of the
    # rendition whose keyed digest is ``base``: applied to no other.
    regions = models.JSONField(default=list, blank=True)
    base = models.BinaryField(max_length=32, default=b"", blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["opened_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["asset"], condition=Q(state="open"), name="one_open_review_an_asset"
            )
        ]
        indexes = [models.Index(fields=["collection", "state", "opened_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.asset_id}"
