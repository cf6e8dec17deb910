"""Requests to be told what somebody asked, while that is still kept."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class Disclosure(models.Model):
    """One person's wish to read one kept query, and what a second person made of it.

    Of the query nothing is here: it is decrypted from its record each time it is shown, and not
    after ``shown_until``. ``reason`` lies under the searcher's actor key, whom it is about, and
    goes with it. People are the ledger's random ids.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        APPROVED = "approved"
        REFUSED = "refused"
        LAPSED = "lapsed"  # the query's time was over before anybody decided

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    search = models.UUIDField(db_index=True)
    searcher = models.UUIDField(db_index=True)
    reason = models.BinaryField()  # AES-256-GCM under keystore ("actor", searcher)
    requested_by = models.UUIDField()
    requester_role = models.CharField(max_length=16)  # governor, steward
    requested_at = models.DateTimeField(default=timezone.now)
    kept_until = models.DateTimeField()  # until when the query is kept
    state = models.CharField(max_length=16, choices=State.choices, default=State.REQUESTED)
    decided_by = models.UUIDField(null=True)
    decider_role = models.CharField(max_length=16, blank=True)
    decided_at = models.DateTimeField(null=True)
    shown_until = models.DateTimeField(null=True)
    times_shown = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            # A second wish of the same person waits for the answer to the first.
            models.UniqueConstraint(
                fields=["search", "requested_by"],
                condition=models.Q(state="requested"),
                name="one_open_disclosure_a_person",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
