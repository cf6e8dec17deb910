"""What goes in and comes out of the addresses of assets."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.api.fields import ObjectField
from retrieval.selectors.assets import AssetView
from retrieval.selectors.modalities import BASE, modalities_embedded
from retrieval.states import RawState, State

_MODALITY = r"^[a-z][a-z0-9_]{0,15}$"
_MODALITY_HELP = "text, image, audio, or another modality that an installed model embeds."


def modality_field(**words: Any) -> serializers.RegexField:
    """A modality: an open word."""
    return serializers.RegexField(_MODALITY, **{"help_text": _MODALITY_HELP, **words})


STATES = [state.value for state in State]
RAW_STATES = [state.value for state in RawState]


class UploadInput(InputSerializer):
    file = serializers.FileField(max_length=255)
    title = serializers.CharField(max_length=300, required=False, allow_blank=True)
    source = serializers.CharField(  # type: ignore[assignment]  # the contract's name; Field.source is another thing
        max_length=300, required=False, allow_blank=True
    )
    captured_at = serializers.DateTimeField(required=False, allow_null=True)
    subjects = serializers.ListField(child=serializers.UUIDField(), required=False)
    consent = serializers.UUIDField(required=False)
    metadata = ObjectField(required=False)
    modality = modality_field(
        required=False,
        allow_blank=True,
        help_text="What an array of numbers (.npy) shows: a modality that a model embeds.",
    )


class PreviewQuery(serializers.Serializer[Any]):
    preview = serializers.BooleanField(required=False, default=False)


class UploadOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=STATES)
    raw_kept_until = serializers.DateTimeField(
        allow_null=True, help_text="When the original is destroyed; null if no date is set."
    )


class AssetsQuery(serializers.Serializer[Any]):
    collection = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=STATES, required=False)
    modality = modality_field(required=False)
    behind = serializers.BooleanField(
        required=False,
        default=None,
        allow_null=True,
        help_text="Whether another version redacted it than its collection's profile is now.",
    )

    def validate_modality(self, value: str) -> str:
        """A word that some model embeds, so that a slip of the pen is told from an empty list."""
        if value not in BASE and value not in modalities_embedded():
            raise serializers.ValidationError("No model embeds such a modality.")
        return value


class StepOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    step = serializers.CharField()
    component = serializers.CharField()
    version = serializers.CharField(allow_blank=True)
    actor = serializers.UUIDField(allow_null=True, help_text="The ledger's id of who did it.")


class RedactionOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    count = serializers.IntegerField()


class AssetLinks(serializers.Serializer[Any]):
    content = serializers.CharField()
    thumbnail = serializers.CharField()


class AssetOutput(serializers.Serializer[AssetView]):
    id = serializers.UUIDField(source="asset.id")
    collection = serializers.UUIDField(source="asset.collection_id")
    title = serializers.CharField(allow_blank=True)
    modality = modality_field(
        source="asset.modality", allow_blank=True, help_text="Empty until it is known."
    )
    state = serializers.ChoiceField(source="asset.state", choices=STATES)
    reason = serializers.CharField(source="asset.reason", allow_blank=True)
    reason_detail = serializers.CharField(source="asset.reason_detail", allow_blank=True)
    raw_state = serializers.ChoiceField(source="asset.raw_state", choices=RAW_STATES)
    raw_kept_until = serializers.DateTimeField(source="asset.raw_kept_until", allow_null=True)
    provenance = StepOutput(many=True)
    redactions = RedactionOutput(source="asset.redactions", many=True)
    profile_version = serializers.CharField(
        source="asset.profile_version",
        allow_blank=True,
        help_text="The redaction profile, name@version, that redacted it; empty until then.",
    )
    segments = serializers.IntegerField()
    source = serializers.CharField(  # type: ignore[assignment]  # as above
        allow_blank=True
    )
    captured_at = serializers.DateTimeField(source="asset.captured_at", allow_null=True)
    metadata = ObjectField()
    media_type = serializers.CharField(source="asset.media_type", allow_blank=True)
    width = serializers.IntegerField(source="asset.width", allow_null=True)
    height = serializers.IntegerField(source="asset.height", allow_null=True)
    duration_ms = serializers.IntegerField(source="asset.duration_ms", allow_null=True)
    created_at = serializers.DateTimeField(source="asset.created_at")
    links = serializers.SerializerMethodField()

    @extend_schema_field(AssetLinks)
    def get_links(self, view: AssetView) -> dict[str, str]:
        """Where its content and its picture are fetched."""
        base = f"/api/v1/assets/{view.asset.pk}"
        return {"content": f"{base}/content/", "thumbnail": f"{base}/thumbnail/"}


class ContentQuery(serializers.Serializer[Any]):
    download = serializers.BooleanField(required=False, default=False)


class RawQuery(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
