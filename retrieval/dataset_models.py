"""Which assets a model may be, or was, trained on. Ids only: a version holds no copy of anything.

Row-level security shows these rows to the appliance itself only.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Dataset(models.Model):
    """A name under which versions of a collection's assets are put together for training."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.CASCADE, related_name="datasets"
    )
    name = models.SlugField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(models.Model):
    """The assets of one modality that could be used for training at one moment.

    ``stale_at``: since when not all of them may be used any more; see the items for which.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    modality = models.CharField(max_length=16)
    size = models.PositiveIntegerField()  # items when it was built
    left_out = models.JSONField(default=dict)  # reason to how many, when it was built
    built_at = models.DateTimeField(default=timezone.now)
    built_by = models.UUIDField(null=True)  # the ledger's id
    stale_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["dataset_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="one_dataset_a_number")
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """``name@number``: how recipes and models name it."""
        return f"{self.dataset.name}@{self.number}"


class DatasetItem(models.Model):
    """One asset in a version. The row outlives the asset: a receipt names the models trained on it.

    ``gone_reason``: a code, why it may not be used any more ("erased", "consent-withdrawn", …).
    """

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="items")
    asset_id = models.UUIDField(db_index=True)
    profile_version = models.CharField(max_length=64, blank=True)  # of its redaction, then
    gone_at = models.DateTimeField(null=True)
    gone_reason = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "asset_id"], name="an_asset_once_a_version")
        ]
        indexes = [models.Index(fields=["version"], condition=Q(gone_at=None), name="items_in_use")]

    def __str__(self) -> str:
        return str(self.asset_id)
