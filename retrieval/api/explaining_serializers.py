"""What "why not this?" is asked and answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.api.search_serializers import HitAsset


class WhyNotQuery(InputSerializer):
    asset = serializers.UUIDField(help_text="An asset that the caller may read.")


class ComparedOutput(serializers.Serializer[Any]):
    space = serializers.CharField()
    model = serializers.CharField(allow_null=True)
    similarity = serializers.FloatField(help_text="Rounded to two decimals.")
    calibrated = serializers.FloatField(help_text="Probability of being relevant, by this space.")
    threshold = serializers.FloatField(help_text="From here on it would have been a match.")
    confidence = serializers.FloatField(help_text="That of all spaces together.")
    last = serializers.FloatField(allow_null=True, help_text="Confidence of the last hit.")
    behind = serializers.FloatField(
        allow_null=True, help_text="How far it lies below the last hit."
    )
    rank = serializers.CharField(allow_null=True, help_text="A range: `11-20`, `beyond 100`.")


class WhyNotOutput(serializers.Serializer[Any]):
    search_id = serializers.UUIDField()
    asset = HitAsset()
    stage = serializers.CharField(
        help_text="`hit`, `state`, `collection`, `purpose`, `modality`, `query`, `filter`, "
        "`vectors`, `threshold`, `rank` or `index`."
    )
    code = serializers.CharField()
    detail = serializers.CharField(help_text="The same as a sentence.")
    query_kept = serializers.BooleanField()
    compared = ComparedOutput(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())
