"""The rows of bridges between spaces, and of the gaps between modalities."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class Bridge(models.Model):
    """A map from one model version's space to another's; used while both versions are.

    The map itself lies in a file, named by ``file`` and held to ``sha256``. ``figures`` says what
    was measured, of every method that was tried; ``calibrations`` are
    ``[{"query_modality", "target_modality", "parameters", "basis", "fitted_on", ...}]``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(
        "retrieval.ModelVersion", on_delete=models.CASCADE, related_name="bridges_out"
    )
    target = models.ForeignKey(
        "retrieval.ModelVersion", on_delete=models.CASCADE, related_name="bridges_in"
    )
    method = models.CharField(max_length=16)
    centred = models.BooleanField()
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    texts = models.PositiveIntegerField()
    texts_sha256 = models.CharField(max_length=64)
    figures = models.JSONField(default=dict)
    calibrations = models.JSONField(default=list)
    learnt_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["source__name", "target__name"]
        constraints = [
            models.UniqueConstraint(fields=["source", "target"], name="one_bridge_a_direction"),
            models.CheckConstraint(
                condition=~models.Q(source=models.F("target")), name="bridge_joins_two_versions"
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """``source@version->target@version``, as search results name it. Reads both versions."""
        return f"{self.source.ref}->{self.target.ref}"


class Gap(models.Model):
    """How far one modality's vectors lie from the texts of the same model version."""

    model_version = models.ForeignKey(
        "retrieval.ModelVersion", on_delete=models.CASCADE, related_name="gaps"
    )
    modality = models.CharField(max_length=16)
    figures = models.JSONField(default=dict)
    measured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["model_version_id", "modality"]
        constraints = [
            models.UniqueConstraint(fields=["model_version", "modality"], name="one_gap_a_modality")
        ]

    def __str__(self) -> str:
        return f"{self.model_version_id}: {self.modality}"
