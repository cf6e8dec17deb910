"""What goes in and comes out of the addresses of legal holds."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import InputSerializer
from audit.hold_models import LegalHold
from audit.holds import REASON_LENGTH
from retrieval.api.fields import IdField


class HoldInput(InputSerializer):
    """What is held: exactly one of the four, and why."""

    subject = IdField(required=False, help_text="Every asset with this person; governors.")
    asset = IdField(required=False)
    collection = IdField(required=False, help_text="Every asset in it, also those to come.")
    query = IdField(
        required=False,
        help_text="A search's id: its record, the kept query, and its hits; governors.",
    )
    reason = serializers.CharField(
        max_length=REASON_LENGTH, help_text="It is recorded. Write no names in it."
    )


class ReleaseInput(InputSerializer):
    reason = serializers.CharField(
        max_length=REASON_LENGTH, help_text="It is recorded. Write no names in it."
    )


class HoldsQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=LegalHold.State.values, required=False)
    collection = serializers.UUIDField(required=False, help_text="Holds on it and on assets in it.")


class HoldOutput(serializers.ModelSerializer[LegalHold]):
    """A hold; people are the ledger's random ids."""

    class Meta:
        model = LegalHold
        fields = ["id", "subject", "asset", "collection", "query", "reason", "state", "placed_by"]
        fields += ["placed_at", "released_by", "released_at", "release_reason"]


class ReachOutput(serializers.Serializer[Any]):
    """What a hold keeps."""

    assets = serializers.IntegerField(help_text="Assets that it keeps from purge and erasure.")
    query_kept = serializers.BooleanField(
        allow_null=True, help_text="For a query: whether there is still one to keep."
    )


class HeldAssetOutput(serializers.Serializer[Any]):
    """An asset under a hold, without anything of its content."""

    id = serializers.UUIDField()
    collection = serializers.UUIDField(source="collection_id")
    modality = serializers.CharField()
    state = serializers.CharField()
