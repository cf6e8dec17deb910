"""What a record of processing activities says that no configuration tells."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class ProcessingDetails(models.Model):
    """One version of what the organisation says of itself; the latest counts, the others stay.

    ``body``: see ``audit.processing.FIELDS``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    body = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    by = models.UUIDField(null=True)

    class Meta:
        ordering = ["-at"]
        verbose_name_plural = "processing details"

    def __str__(self) -> str:
        return str(self.id)
