"""What goes in and comes out of the addresses of erasures."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from audit.erasure_models import ErasureCandidate, ErasureRequest
from retrieval.api.asset_serializers import STATES, modality_field
from retrieval.services.erasures import MOST_REASON

_STATES = [state.value for state in ErasureRequest.State]
_VIA = ["named", "linked", "reviewed"]
_DIGEST = r"^[0-9a-f]{64}$"


class ErasuresQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=_STATES, required=False)


class ErasureInput(InputSerializer):
    subject = serializers.UUIDField(required=False)
    asset = serializers.UUIDField(required=False)
    wait = serializers.BooleanField(
        default=False, help_text="Wait for an approval also where the policy needs none."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the two."""
        if ("subject" in attrs) == ("asset" in attrs):
            raise serializers.ValidationError({"subject": ["Name either a subject or an asset."]})
        return attrs


class ApprovalInput(InputSerializer):
    plan = serializers.RegexField(
        _DIGEST,
        required=False,
        default="",
        help_text="`plan.digest` of what you looked at: with it, a list that has changed since is "
        "not approved.",
    )


class CandidateInput(InputSerializer):
    decision = serializers.ChoiceField(choices=["include", "exclude"])
    reason = serializers.CharField(
        max_length=MOST_REASON,
        required=False,
        default="",
        allow_blank=True,
        help_text="Why it is not about the person; no names. An exclusion needs one.",
    )


class PlannedAssetOutput(serializers.Serializer[Any]):
    asset = serializers.UUIDField()
    collection = serializers.UUIDField()
    modality = modality_field()
    state = serializers.ChoiceField(choices=STATES)
    via = serializers.ChoiceField(choices=_VIA)
    others = serializers.IntegerField(
        help_text="So many other people it is about as well; it goes as a whole all the same."
    )
    holds = serializers.ListField(child=serializers.UUIDField(), help_text="Legal holds on it.")


class PlanOutput(serializers.Serializer[Any]):
    """Exactly what would go now."""

    digest = serializers.CharField(help_text="SHA-256 that names this very list.")
    assets = PlannedAssetOutput(many=True)
    held = serializers.IntegerField(help_text="How many of them a legal hold keeps.")
    shared = serializers.IntegerField(help_text="How many are about other people as well.")


class ErasureCandidateOutput(serializers.Serializer[Any]):
    """An asset from which the subject's identifier was taken out, and that nobody linked."""

    id = serializers.UUIDField()
    asset = serializers.UUIDField()
    collection = serializers.UUIDField()
    decision = serializers.ChoiceField(choices=ErasureCandidate.Decision.values)
    reason = serializers.CharField()
    by = serializers.UUIDField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)


class ErasureOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    subject = serializers.UUIDField(allow_null=True)
    asset = serializers.UUIDField(allow_null=True)
    collection = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(choices=_STATES)
    reason = serializers.CharField(
        help_text="A code where it is held or failed: `held`, `refused`, …; otherwise empty."
    )
    requested_by = serializers.UUIDField(allow_null=True)
    requested_at = serializers.DateTimeField()
    decided_by = serializers.UUIDField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Assets by what became of them: `due`, `held`, `erased`, `gone`.",
    )


class ErasureDetailOutput(ErasureOutput):
    plan = PlanOutput()
    candidates = ErasureCandidateOutput(many=True)
    receipt = serializers.SerializerMethodField()
    receipts = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": True})
    def get_receipt(self, erasure: Any) -> dict[str, Any] | None:
        """The latest receipt: signed, with the ledger's proof, verifiable offline."""
        found: dict[str, Any] | None = erasure.receipt
        return found

    @extend_schema_field({"type": "integer"})
    def get_receipts(self, erasure: Any) -> int:
        """How many receipts there are, partial ones too."""
        return len(erasure.receipts)
