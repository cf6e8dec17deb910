from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.chaining import BATCH
from audit.ledger import is_confidential
from audit.models import LedgerEntry, RetentionPolicy
from audit.retention import MODALITIES, MOST_DAYS, STATES, WHAT
from audit.scope import AuditScope

VERIFY_AT_MOST = 50 * BATCH
_REFS_SCHEMA = {
    "type": "object",
    "additionalProperties": {
        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    },
}


class StrictSerializer(serializers.Serializer[Any]):
    """A body in which a member that nobody knows is an error."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated values by name."""
        if hasattr(data, "keys") and set(data) - set(self.fields):
            known = ", ".join(sorted(self.fields))
            message = f"There are unknown fields. Known are: {known}."
            raise serializers.ValidationError({"non_field_errors": [message]}, code="unknown")
        return super().to_internal_value(data)


class EntriesQuery(serializers.Serializer[Any]):
    """What to look for in the ledger."""

    event = serializers.RegexField(
        r"^[a-z0-9:_-]{1,64}$",
        required=False,
        help_text="Beginning of an event's name, e.g. `search` or `ingest:asset:upload`.",
    )
    actor = serializers.UUIDField(required=False, help_text="Random id of who did it.")
    since = serializers.DateTimeField(required=False, help_text="Not before this time.")


class EntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """One entry of the ledger."""

    refs = serializers.SerializerMethodField(
        help_text="Ids by name. Other people's collections are left out for stewards."
    )
    payload = serializers.SerializerMethodField(
        help_text="JSON text, or null where it is confidential (kept encrypted)."
    )
    prev = serializers.SerializerMethodField(help_text="Hash of the entry before, hexadecimal.")
    hash = serializers.SerializerMethodField(
        help_text="SHA-256 over the RFC 8785 form of all else, hexadecimal."
    )

    class Meta:
        model = LedgerEntry
        fields = ["seq", "at", "actor", "event", "refs", "payload", "prev", "hash"]

    @extend_schema_field(_REFS_SCHEMA)
    def get_refs(self, entry: LedgerEntry) -> dict[str, Any]:
        """The refs, without collections that the reader does not govern."""
        scope: AuditScope = self.context["scope"]
        refs = dict(entry.refs)
        if isinstance(refs.get("collection"), list):
            refs["collection"] = scope.narrowed(refs["collection"])
        return refs

    def get_payload(self, entry: LedgerEntry) -> str | None:
        """The payload where it holds nothing personal."""
        return None if is_confidential(entry.payload) else entry.payload

    def get_prev(self, entry: LedgerEntry) -> str:
        """64 hexadecimal digits."""
        return bytes(entry.prev).hex()

    def get_hash(self, entry: LedgerEntry) -> str:
        """64 hexadecimal digits."""
        return bytes(entry.hash).hex()


class VerifyQuery(serializers.Serializer[Any]):
    """Which part of the ledger to verify."""

    after = serializers.IntegerField(
        default=0, min_value=0, help_text="Begin behind this entry, whose hash is taken as given."
    )
    limit = serializers.IntegerField(
        default=VERIFY_AT_MOST,
        min_value=1,
        max_value=VERIFY_AT_MOST,
        help_text="Entries to verify at most.",
    )


class VerifySerializer(serializers.Serializer[Any]):
    """What a verification found."""

    ok = serializers.BooleanField(help_text="No fault among the entries looked at.")
    first_bad = serializers.IntegerField(allow_null=True, help_text="Sequence number of the fault.")
    reason = serializers.CharField(allow_blank=True)
    verified = serializers.IntegerField(help_text="Entries whose hash and place hold.")
    after = serializers.IntegerField()
    head = serializers.IntegerField(
        help_text="The last entry that holds; `after` of the next call."
    )
    head_hash = serializers.CharField(help_text="Its hash: worth keeping elsewhere.")
    pending = serializers.IntegerField(help_text="Events that wait to be chained.")
    complete = serializers.BooleanField(help_text="Whether the end of the ledger was reached.")


class RuleSerializer(StrictSerializer):
    """What is destroyed after how many days."""

    what = serializers.ChoiceField(WHAT)
    modality = serializers.ChoiceField(
        MODALITIES, required=False, help_text="For this modality only; a rule for one goes first."
    )
    state = serializers.ChoiceField(
        STATES,
        required=False,
        help_text="For assets in this state only; such a rule goes before one for a modality. For "
        "those put aside the days are counted from when they were.",
    )
    after_days = serializers.IntegerField(min_value=0, max_value=MOST_DAYS)


class PolicyInput(StrictSerializer):
    """A new policy."""

    name = serializers.CharField(max_length=200)
    rules = RuleSerializer(many=True)


class PolicySerializer(serializers.ModelSerializer[RetentionPolicy]):
    """A retention policy."""

    rules = RuleSerializer(many=True)

    class Meta:
        model = RetentionPolicy
        fields = ["id", "name", "rules", "created_at"]
