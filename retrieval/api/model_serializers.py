"""What goes in and comes out of the addresses of models and their evaluations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.models import EvaluationRun
from retrieval.promotion_models import Promotion
from retrieval.selectors.evaluations import ModelView, outcome

STATUSES = ["installed", "active", "retired"]
REEMBED_STATES = ["running", "paused", "done", "failed", "cancelled"]
KINDS = ["model", "live", "leakage"]
OUTCOMES = ["better", "same", "worse"]


class FindingOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    where = serializers.CharField(help_text="A pair of modalities, a modality, or empty.")
    detail = serializers.CharField()
    gates = serializers.BooleanField(help_text="Whether promotion needs force because of it.")


class EvaluationSummary(serializers.Serializer[EvaluationRun]):
    id = serializers.UUIDField()
    model = serializers.CharField(help_text="name@version")
    against = serializers.CharField(
        allow_blank=True, help_text="The model it was compared with; empty if with none."
    )
    dataset = serializers.CharField()
    collection = serializers.UUIDField(source="collection_id", allow_null=True)
    own_data = serializers.BooleanField(help_text="Not a public benchmark.")
    kind = serializers.ChoiceField(
        choices=KINDS, help_text="`live`: through search itself, whatever models it used."
    )
    outcome = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=OUTCOMES, allow_null=True))
    def get_outcome(self, run: EvaluationRun) -> str | None:
        """Against the other model; null if there was none."""
        return outcome(run)

    @extend_schema_field(FindingOutput(many=True))
    def get_findings(self, run: EvaluationRun) -> Any:
        """What the run says against the model."""
        return run.result.get("findings", [])


class ReembeddingOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=REEMBED_STATES)
    phase = serializers.ChoiceField(choices=["embedding", "checking"])
    total = serializers.IntegerField(help_text="Segments.")
    done = serializers.IntegerField()
    eta_seconds = serializers.FloatField(allow_null=True)


class ModelOutput(serializers.Serializer[ModelView]):
    id = serializers.UUIDField(source="version.id")
    ref = serializers.CharField(source="version.ref")
    name = serializers.CharField(source="version.name")
    version = serializers.CharField(source="version.version")
    space = serializers.CharField(source="version.space_id")
    dimension = serializers.IntegerField(source="version.space.dimension")
    status = serializers.ChoiceField(source="version.status", choices=STATUSES)
    modalities = serializers.ListField(source="version.modalities", child=serializers.CharField())
    licence = serializers.SerializerMethodField()
    manifest_sha256 = serializers.CharField(source="version.manifest_sha256")
    signed = serializers.BooleanField(source="version.signed")
    unsigned_reason = serializers.CharField(source="version.unsigned_reason", allow_blank=True)
    installed_at = serializers.DateTimeField(source="version.installed_at")
    reembedding = ReembeddingOutput(
        allow_null=True, help_text="Null if it was never begun; only operators see it."
    )
    evaluations = EvaluationSummary(many=True)

    def get_licence(self, view: ModelView) -> str:
        """As the bundle states it."""
        return str(view.version.manifest.get("licence", ""))


class PromoteInput(InputSerializer):
    force = serializers.BooleanField(
        required=False, default=False, help_text="Although findings speak against it."
    )
    reason = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=300,
        help_text="Recorded; needed with force.",
    )
    collection = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="For this collection alone."
    )
    replaces = serializers.CharField(
        required=False,
        allow_null=True,
        default=None,
        max_length=100,
        help_text="An active model of another space that makes room for it.",
    )


class RollbackInput(InputSerializer):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)
    collection = serializers.UUIDField(required=False, allow_null=True, default=None)


class PromotionOutput(serializers.Serializer[Promotion]):
    id = serializers.UUIDField()
    model = serializers.CharField(source="version.ref")
    replaced = serializers.CharField(
        source="replaced_ref", allow_blank=True, help_text="Empty where nothing had to make room."
    )
    collection = serializers.UUIDField(source="collection_id", allow_null=True)
    at = serializers.DateTimeField()
    forced = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    evaluations = serializers.ListField(child=serializers.UUIDField())
    findings = FindingOutput(many=True)
    rolled_back_at = serializers.DateTimeField(allow_null=True)
