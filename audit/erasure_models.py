"""Requests for erasure, what each of them takes with it, and what proves that it is gone.

Ids only, as everywhere in audit: of assets and subjects there is nothing here but their random ids.
Row-level security shows none of it but to the appliance itself (``retrieval.scope.system``).
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class ErasureRequest(models.Model):
    """The erasure of one subject with all that is linked, or of one asset.

    ``collection`` is the asset's, so that its stewards find it. ``erased_at``: nothing of it is
    left in a live row, file or key; ``scrubbed_at``: nor in what those stores leave behind.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        AWAITING_APPROVAL = "awaiting_approval"
        RUNNING = "running"
        DONE = "done"
        HELD = "held"  # a hold keeps part of it; resumed by itself when that is released
        FAILED = "failed"  # refused, or it cannot be done; the reason says which

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.UUIDField(null=True, db_index=True)
    asset = models.UUIDField(null=True, db_index=True)
    collection = models.UUIDField(null=True, db_index=True)
    state = models.CharField(
        max_length=20, choices=State.choices, default=State.AWAITING_APPROVAL, db_index=True
    )
    reason = models.CharField(max_length=64, blank=True)  # a code, where it is held or failed
    requested_by = models.UUIDField(null=True)  # the ledger's id of whoever asked for it
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.UUIDField(null=True)  # who approved or refused it
    decided_at = models.DateTimeField(null=True)
    # SHA-256, in hex, of the list that was approved; see ``retrieval.selectors.erasures``.
    plan = models.CharField(max_length=64, blank=True)
    before = models.JSONField(null=True)  # what each store held, by its name
    erased_at = models.DateTimeField(null=True)
    scrubbed_at = models.DateTimeField(null=True)
    scrubbing = models.JSONField(default=dict)  # what the scrubbing reached, and what it did not
    done_at = models.DateTimeField(null=True)
    # Who works on it: whoever writes must still hold the claim.
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-requested_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(subject__isnull=False, asset__isnull=True)
                | Q(subject__isnull=True, asset__isnull=False),
                name="erasure_of_a_subject_or_an_asset",
            ),
            # A second request for the same is answered with the first, not done twice.
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(state__in=["queued", "awaiting_approval", "running", "held"]),
                name="one_erasure_a_subject",
            ),
            models.UniqueConstraint(
                fields=["asset"],
                condition=Q(state__in=["queued", "awaiting_approval", "running", "held"]),
                name="one_erasure_an_asset",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"


class ErasureItem(models.Model):
    """One asset that a request takes with it, and how far that has come."""

    class State(models.TextChoices):
        DUE = "due"
        HELD = "held"
        ERASED = "erased"  # by this request
        GONE = "gone"  # it was erased before this request came to it

    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="items")
    asset = models.UUIDField(db_index=True)
    collection = models.UUIDField()
    # named (asked for itself), linked (to the subject), reviewed (a candidate that was included)
    via = models.CharField(max_length=16)
    others = models.PositiveIntegerField(default=0)  # other subjects whose data it is as well
    approved = models.BooleanField(default=True)  # False: linked after the approval
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    holds = ArrayField(models.UUIDField(), default=list)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["request_id", "asset"]
        constraints = [
            models.UniqueConstraint(fields=["request", "asset"], name="one_item_an_asset")
        ]

    def __str__(self) -> str:
        return f"{self.asset}: {self.state}"


class ErasureCandidate(models.Model):
    """An asset that once held the subject's identifier and that nobody has linked."""

    class Decision(models.TextChoices):
        OPEN = "open"
        INCLUDE = "include"
        EXCLUDE = "exclude"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="candidates")
    asset = models.UUIDField(db_index=True)
    collection = models.UUIDField()
    decision = models.CharField(max_length=8, choices=Decision.choices, default=Decision.OPEN)
    reason = models.CharField(max_length=300, blank=True)  # of an exclusion; no names
    by = models.UUIDField(null=True)
    at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["request_id", "asset"]
        constraints = [
            models.UniqueConstraint(fields=["request", "asset"], name="one_candidate_an_asset")
        ]

    def __str__(self) -> str:
        return f"{self.asset}: {self.decision}"


class ErasureReceipt(models.Model):
    """What was told about a request, signed. Partial ones are followed by others."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(ErasureRequest, on_delete=models.CASCADE, related_name="receipts")
    seq = models.PositiveIntegerField()  # from 1
    partial = models.BooleanField(default=False)
    body = models.JSONField()
    signature = models.JSONField(default=dict)  # {} until the ledger's proof is in the body
    issued_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["request_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["request", "seq"], name="one_receipt_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.request_id} #{self.seq}"


class Tombstone(models.Model):
    """An id that was erased and never returns: erased again if an older backup brings it back.

    ``filed``: it stands in the file outside the database, too; see ``audit.tombstones``.
    """

    class Kind(models.TextChoices):
        ASSET = "asset"
        SUBJECT = "subject"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    object_id = models.UUIDField()
    erased_at = models.DateTimeField(default=timezone.now)
    request = models.UUIDField(null=True)  # none: deleted by a curator
    filed = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id"], name="erased_once"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(filed=False), name="not_filed_yet")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class ScrubRun(models.Model):
    """One scrubbing of the stores: when, what was written anew, and what could not be reached."""

    began_at = models.DateTimeField()
    done_at = models.DateTimeField()
    tables = models.JSONField(default=list)  # [{"table", "how"}]
    log = models.CharField(max_length=16, blank=True)  # what became of the write-ahead log
    locked_ms = models.PositiveIntegerField(default=0)  # the longest that readers had to wait
    not_reached = models.JSONField(default=list)

    class Meta:
        ordering = ["-began_at"]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M}"


STATES = [state.value for state in ErasureRequest.State]
"""Every state of a request, for the API's schema."""
