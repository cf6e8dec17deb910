"""What goes in and comes out of the addresses of reviews."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.api.asset_serializers import STATES, RedactionOutput, modality_field
from retrieval.redaction.amending import MAX_REGIONS
from retrieval.review_models import Review
from retrieval.selectors.reviews import Decision, ReviewView
from retrieval.services.reviews import MAX_REASON

_KINDS = [kind.value for kind in Review.Kind]
_REVIEW_STATES = [state.value for state in Review.State]
_DECISIONS = [decision.value for decision in Decision]


class ReviewsQuery(serializers.Serializer[Any]):
    collection = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=_REVIEW_STATES, required=False)
    kind = serializers.ChoiceField(choices=_KINDS, required=False)


class RegionInput(InputSerializer):
    """`start`, `end` in a text, `box` in a picture, `start_ms`, `end_ms` in a sound."""

    start = serializers.IntegerField(required=False, help_text="A character of the preview's text.")
    end = serializers.IntegerField(required=False, help_text="The character after the last one.")
    box = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=4,
        max_length=4,
        required=False,
        help_text="[x, y, width, height] in pixels of the preview, from its upper left corner.",
    )
    start_ms = serializers.IntegerField(required=False)
    end_ms = serializers.IntegerField(required=False)


class DecisionInput(InputSerializer):
    decision = serializers.ChoiceField(choices=_DECISIONS)
    regions = serializers.ListField(
        child=RegionInput(),
        required=False,
        default=list,
        max_length=MAX_REGIONS,
        help_text="With `redact`: what is to be taken out. What is left in doubt is accepted.",
    )
    reason = serializers.CharField(
        max_length=MAX_REASON, required=False, default="", allow_blank=True
    )


class PlaceOutput(serializers.Serializer[Any]):
    """A place, never what is there. Only the fields of its modality are given."""

    kind = serializers.CharField()
    score = serializers.FloatField(help_text="How sure the recogniser is, 0 to 1.")
    recognizer = serializers.CharField()
    start = serializers.IntegerField(required=False)
    end = serializers.IntegerField(required=False)
    box = serializers.ListField(child=serializers.IntegerField(), required=False)
    start_ms = serializers.IntegerField(required=False)
    end_ms = serializers.IntegerField(required=False)
    page = serializers.IntegerField(required=False)


class OptionOutput(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=_DECISIONS)
    why_not = serializers.CharField(
        allow_blank=True, help_text="Why it cannot be taken now; empty where it can."
    )


class ReviewLinks(serializers.Serializer[Any]):
    preview = serializers.CharField(allow_null=True, help_text="Null where nothing can be shown.")
    thumbnail = serializers.CharField(allow_null=True)
    uncovered = serializers.CharField(
        allow_null=True, help_text="What is in doubt, not covered; needs `raw` and a `reason`."
    )
    asset = serializers.CharField()


class ReviewOutput(serializers.Serializer[ReviewView]):
    id = serializers.UUIDField(source="review.pk")
    asset = serializers.UUIDField(source="review.asset_id")
    collection = serializers.UUIDField(source="review.collection_id")
    kind = serializers.ChoiceField(source="review.kind", choices=_KINDS)
    reason = serializers.CharField(source="review.reason")
    reason_detail = serializers.CharField(source="review.reason_detail")
    state = serializers.ChoiceField(source="review.state", choices=_REVIEW_STATES)
    opened_at = serializers.DateTimeField(source="review.opened_at")
    decided_at = serializers.DateTimeField(source="review.decided_at", allow_null=True)
    decided_by = serializers.CharField(
        source="review.decided_by.username", default=None, allow_null=True
    )
    decision_reason = serializers.CharField(source="review.decision_reason", allow_blank=True)
    asset_state = serializers.ChoiceField(source="asset.state", choices=STATES)
    title = serializers.CharField(allow_blank=True, help_text="Empty for whoever does not read.")
    modality = modality_field(source="asset.modality", allow_blank=True)
    media_type = serializers.CharField(source="asset.media_type", allow_blank=True)
    language = serializers.CharField(source="asset.language", allow_blank=True)
    width = serializers.IntegerField(source="asset.width", allow_null=True)
    height = serializers.IntegerField(source="asset.height", allow_null=True)
    duration_ms = serializers.IntegerField(source="asset.duration_ms", allow_null=True)
    profile_version = serializers.CharField(source="asset.profile_version", allow_blank=True)
    redactions = RedactionOutput(source="asset.redactions", many=True)
    options = OptionOutput(many=True)
    links = serializers.SerializerMethodField()

    @extend_schema_field(ReviewLinks)
    def get_links(self, view: ReviewView) -> dict[str, str | None]:
        """Where what a steward may see is fetched."""
        base = f"/api/v1/reviews/{view.review.pk}"
        uncovered = view.may_raw and view.has_preview and view.doubts
        return {
            "preview": f"{base}/preview/" if view.has_preview else None,
            "thumbnail": f"{base}/thumbnail/" if view.has_preview else None,
            "uncovered": f"{base}/uncovered/" if uncovered else None,
            "asset": f"/api/v1/assets/{view.review.asset_id}/",
        }


class ReviewDetailOutput(ReviewOutput):
    findings = PlaceOutput(
        many=True,
        help_text="Taken out. Characters count in the original, boxes and times in the preview.",
    )
    doubts = PlaceOutput(
        many=True, help_text="Still in it, covered in the preview, in whose places they are given."
    )
    regions = PlaceOutput(source="review.regions", many=True, help_text="What was drawn.")
