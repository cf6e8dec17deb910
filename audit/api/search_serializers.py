"""What goes in and comes out of the addresses of the search audit."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.search_audit.export import FORMATS
from audit.search_audit.listing import SearchAuditFilters


class SearchesQuery(serializers.Serializer[Any]):
    """Which searches to list. For a steward, hits count that came from the governed collections."""

    user = serializers.UUIDField(required=False, help_text="Id of an account; governors.")
    actor = serializers.UUIDField(required=False, help_text="The ledger's random id of a person.")
    since = serializers.DateTimeField(required=False, help_text="Not before this time.")
    until = serializers.DateTimeField(required=False, help_text="Before this time.")
    collection = serializers.UUIDField(required=False, help_text="It was among those searched.")
    query_modality = serializers.RegexField(
        r"^[a-z+]{1,32}$", required=False, help_text="What was asked with, e.g. `text`."
    )
    modality = serializers.RegexField(
        r"^[a-z]{1,16}$", required=False, help_text="What was searched, e.g. `image`."
    )
    model = serializers.CharField(max_length=100, required=False, help_text="`name@version`.")
    confident = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Whether there was a match."
    )
    hits_at_least = serializers.IntegerField(required=False, min_value=0)
    hits_at_most = serializers.IntegerField(required=False, min_value=0)
    confidence_at_least = serializers.FloatField(required=False, min_value=0, max_value=1)
    confidence_at_most = serializers.FloatField(required=False, min_value=0, max_value=1)

    def filters(self) -> SearchAuditFilters:
        """What was asked for."""
        return SearchAuditFilters(**self.validated_data)


class SearchSeenOutput(serializers.Serializer[Any]):
    """One search, without what was asked. A steward is told of the governed collections only."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    actor = serializers.UUIDField(help_text="The ledger's random id of who searched.")
    query_modality = serializers.CharField()
    redactions = serializers.ListField(
        child=serializers.CharField(), help_text="Kinds of what was taken out of the query."
    )
    collections = serializers.ListField(child=serializers.UUIDField())
    searched = serializers.IntegerField(
        allow_null=True, help_text="How many collections were searched; governors."
    )
    modalities = serializers.ListField(child=serializers.CharField())
    models = serializers.ListField(
        child=serializers.CharField(),
        help_text="Models that searched; for a steward, those that found a hit.",
    )
    purpose = serializers.CharField(allow_blank=True)
    hits = serializers.IntegerField()
    matches = serializers.IntegerField()
    confident = serializers.BooleanField(help_text="Whether any hit was a match.")
    best = serializers.FloatField(allow_null=True, help_text="The highest confidence, 0 to 1.")
    kept_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when the query is kept, for disclosure and replay."
    )
    total_ms = serializers.IntegerField(allow_null=True, help_text="Governors.")


class ExportQuery(serializers.Serializer[Any]):
    """Which searches to export."""

    since = serializers.DateTimeField(required=False, help_text="Not before this time.")
    until = serializers.DateTimeField(
        required=False, help_text="Before this time; at most until half a minute ago."
    )
    format = serializers.ChoiceField(FORMATS, default=FORMATS[0])
