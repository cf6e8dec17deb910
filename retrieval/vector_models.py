"""Where large collections' vectors lie, and what was measured about searching on this machine."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class CollectionShard(models.Model):
    """A collection with a partition of its own in every table that is divided by ``shard``.

    No foreign key: the row of a collection that is gone is what tells that its partition is left.
    Every change of ``shard``, ``state`` or ``index`` draws a new stamp (``ShardStamp``).
    """

    class State(models.TextChoices):
        """From shared to its own partition, and back."""

        MOVING = "moving"  # rows lie in both; each row in exactly one
        INDEXING = "indexing"  # all rows lie in the partition, compared exactly
        READY = "ready"  # the partition's index answers
        LEAVING = "leaving"  # rows go back to the shared shard, and lie in both
        LEFT = "left"  # the partition is empty and no search reads it any more

    class Index(models.TextChoices):
        """What the partition's index holds of each vector."""

        HNSW = "hnsw"  # all of it, in 16 bits a number
        BINARY = "binary"  # signs; what they find is compared again by the whole vectors

    collection_id = models.UUIDField(primary_key=True)
    shard = models.PositiveSmallIntegerField(unique=True)
    state = models.CharField(max_length=16, choices=State, default=State.MOVING)
    index = models.CharField(max_length=16, choices=Index, default=Index.HNSW)
    rows = models.PositiveBigIntegerField(default=0)  # of the largest table, when last counted
    asked = models.BooleanField(default=False)  # a person wants it; size alone takes it not back
    reason = models.CharField(max_length=64, blank=True)  # why the last step failed: a code
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["shard"]

    def __str__(self) -> str:
        return f"{self.collection_id} in {self.shard}: {self.state}"


class ShardStamp(models.Model):
    """One row: a random mark that changes with every change of ``CollectionShard``.

    A trigger writes it. A search compares it, inside its own statement, with the mark of the map it
    was built from.
    """

    stamp = models.UUIDField()

    def __str__(self) -> str:
        return str(self.stamp)


class VectorTuning(models.Model):
    """One row: what the installation measured on this machine; see ``retrieval.vectors.tuning``."""

    measured = models.JSONField()
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"measured {self.at:%Y-%m-%d %H:%M}"
