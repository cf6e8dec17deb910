from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.checkpoint_models import Checkpoint, CheckpointDelivery

_MOST = 2**53


class DeliverySerializer(serializers.ModelSerializer[CheckpointDelivery]):
    """Whether one sink has it."""

    class Meta:
        model = CheckpointDelivery
        fields = ["delivered_at", "tries"]


class CheckpointSerializer(serializers.ModelSerializer[Checkpoint]):
    """A signed checkpoint."""

    id = serializers.IntegerField(source="tree_size", help_text="How many entries it covers.")
    seq = serializers.IntegerField(source="tree_size", help_text="The last of them.")
    hash = serializers.CharField(source="head_hash", help_text="The hash of the last of them.")
    deliveries = serializers.SerializerMethodField(help_text="One for each sink.")

    class Meta:
        model = Checkpoint
        fields = [
            "id", "seq", "hash", "tree_size", "root", "head_hash", "latest_at", "signed_at",
            "key_id", "document", "deliveries",
        ]  # fmt: skip

    @extend_schema_field(DeliverySerializer(many=True))
    def get_deliveries(self, checkpoint: Checkpoint) -> list[dict[str, Any]]:
        """In the order of the configuration; where the sinks are is the operators' business."""
        ordered = sorted(checkpoint.deliveries.all(), key=lambda one: one.pk)
        return [dict(DeliverySerializer(one).data) for one in ordered]


class InclusionQuery(serializers.Serializer[Any]):
    """Which entry."""

    seq = serializers.IntegerField(min_value=1, max_value=_MOST)


class ConsistencyQuery(serializers.Serializer[Any]):
    """Since which checkpoint."""

    since = serializers.IntegerField(
        min_value=1, max_value=_MOST, help_text="Entries of the older checkpoint."
    )


class InclusionSerializer(serializers.Serializer[Any]):
    """The way from a leaf to the root."""

    leaf_index = serializers.IntegerField()
    tree_size = serializers.IntegerField()
    path = serializers.ListField(child=serializers.CharField())


class ProofSerializer(serializers.Serializer[Any]):
    """An entry, its way to the root, and the signed checkpoint with that root."""

    entry = serializers.DictField()
    inclusion = InclusionSerializer()
    checkpoint = serializers.DictField()


class ConsistencySerializer(serializers.Serializer[Any]):
    """Two signed checkpoints, and the proof."""

    first = serializers.DictField()
    second = serializers.DictField()
    path = serializers.ListField(child=serializers.CharField())
