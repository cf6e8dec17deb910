"""Signed checkpoints of the ledger, where they were sent, and hashes that make the next one cheap.

None of this is believed by a verification: it reads the entries, and checkpoints by their
signatures. Whoever bends these rows can make an alarm ring and nothing else.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Checkpoint(models.Model):
    """The ledger's first ``tree_size`` entries in one hash, signed.

    ``document`` is what was signed, with its signature; it is what sinks, pages and exports hold.
    """

    tree_size = models.BigIntegerField(primary_key=True)
    root = models.CharField(max_length=64)  # RFC 6962 tree hash, hexadecimal
    head_hash = models.CharField(max_length=64)  # of entry tree_size, hexadecimal
    latest_at = models.DateTimeField()  # the latest time of any entry so far
    signed_at = models.DateTimeField()
    key_id = models.CharField(max_length=32)
    document = models.JSONField()

    class Meta:
        ordering = ["-tree_size"]

    def __str__(self) -> str:
        return f"checkpoint of {self.tree_size} entries"


class CheckpointDelivery(models.Model):
    """One checkpoint on its way to one sink; tried again until it is there."""

    id = models.BigAutoField(primary_key=True)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="deliveries")
    sink = models.CharField(max_length=200)  # its name, without what is secret in its address
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    problem = models.CharField(max_length=100, blank=True)  # the kind of failure, no more

    class Meta:
        verbose_name_plural = "checkpoint deliveries"
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "sink"], name="one_delivery_a_sink")
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(delivered_at=None),
                name="deliveries_that_wait",
            )
        ]

    def __str__(self) -> str:
        return f"{self.checkpoint_id} to {self.sink}"


class LedgerNode(models.Model):
    """The hash of a full subtree: of 2**level entries, the ``place``-th such from 0.

    Kept from level 10 on, so that a checkpoint reads what is new and not all that is old.
    """

    id = models.BigAutoField(primary_key=True)
    level = models.PositiveSmallIntegerField()
    place = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "place"], name="one_node_a_place")]

    def __str__(self) -> str:
        return f"node {self.level}/{self.place}"
