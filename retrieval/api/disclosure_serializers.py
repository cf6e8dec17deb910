"""What goes in and comes out of the addresses of disclosures and monitoring."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import InputSerializer
from audit.disclosure_models import Disclosure
from audit.monitoring_models import AnomalyFlag
from retrieval.api.fields import ObjectField
from retrieval.services.disclosures import LEAST_REASON, MOST_REASON

STATES = [state.value for state in Disclosure.State]
KINDS = [kind.value for kind in AnomalyFlag.Kind]


class DisclosureInput(InputSerializer):
    reason = serializers.CharField(
        min_length=LEAST_REASON,
        max_length=MOST_REASON,
        help_text="Why it must be known what was asked. The searcher is told.",
    )


class DisclosureOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    search = serializers.UUIDField()
    state = serializers.ChoiceField(STATES)
    reason = serializers.CharField(
        allow_null=True, help_text="Null once the searcher's key is destroyed."
    )
    requested_at = serializers.DateTimeField()
    requester_role = serializers.CharField()
    requested_by = serializers.UUIDField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decider_role = serializers.CharField(allow_blank=True)
    decided_by = serializers.UUIDField(allow_null=True)
    shown_until = serializers.DateTimeField(allow_null=True)
    times_shown = serializers.IntegerField()
    mine = serializers.BooleanField(help_text="Whether the caller requested it.")


class DisclosedOutput(serializers.Serializer[Any]):
    disclosure = serializers.UUIDField(source="disclosure.id")
    search = serializers.UUIDField(source="disclosure.search")
    modality = serializers.CharField()
    text = serializers.CharField(
        allow_null=True, help_text="The redacted words. Of a file nothing is kept."
    )
    asset = serializers.UUIDField(allow_null=True)
    filters = ObjectField()
    shown_until = serializers.DateTimeField(source="disclosure.shown_until")


class AgreementInput(InputSerializer):
    reference = serializers.CharField(
        max_length=200, help_text="What the agreement is called and where it is filed."
    )
    agreed_on = serializers.DateField()
    opens = serializers.TimeField(help_text="Usual hours begin, e.g. `07:00`.")
    closes = serializers.TimeField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7),
        min_length=1,
        max_length=7,
        help_text="1 is Monday.",
    )
    time_zone = serializers.CharField(max_length=64, help_text="E.g. `Europe/Vienna`.")


class AgreementOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    reference = serializers.CharField()
    agreed_on = serializers.DateField()
    opens = serializers.TimeField()
    closes = serializers.TimeField()
    weekdays = serializers.ListField(child=serializers.IntegerField())
    time_zone = serializers.CharField()
    begun_at = serializers.DateTimeField()


class MonitoringOutput(serializers.Serializer[Any]):
    agreement = AgreementOutput(
        allow_null=True, help_text="Null: nothing is monitored, and nothing is computed."
    )
    flags = serializers.IntegerField()


class FlagOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(KINDS)
    actor = serializers.UUIDField(help_text="The ledger's random id of the person.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    evidence = ObjectField(help_text="Counts, and the limits they passed.")
    found_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
