"""Whom an asset is about."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AssetSubject(models.Model):
    """One person in one asset. Shown by row-level security to the appliance itself only.

    ``consent`` is the record under which this very asset was taken in, where one was named.
    """

    class Via(models.TextChoices):
        UPLOAD = "upload"
        REVIEW = "review"  # found by an identifier and confirmed
        CONSOLE = "console"
        API = "api"
        IMPORT = "import"

    asset = models.ForeignKey("retrieval.Asset", on_delete=models.CASCADE, related_name="subjects")
    subject = models.UUIDField(db_index=True)
    consent = models.UUIDField(null=True, blank=True)
    linked_by = models.UUIDField(null=True, blank=True)  # the ledger's id
    at = models.DateTimeField(default=timezone.now)
    via = models.CharField(max_length=16, choices=Via.choices)

    class Meta:
        ordering = ["asset_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "subject"], name="one_link_a_subject")
        ]

    def __str__(self) -> str:
        return f"{self.subject} in {self.asset_id}"
