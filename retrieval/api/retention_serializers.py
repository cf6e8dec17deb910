"""What goes in and comes out of the addresses of retention."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import InputSerializer
from audit.api.serializers import RuleSerializer
from audit.hold_models import PurgeRun, PurgeTally, RetentionPause
from audit.holds import REASON_LENGTH
from audit.purge_runs import run_totals
from audit.retention_rules import ASSET_PARTS
from retrieval.selectors.calendar import KINDS, MOST_DAYS


class PolicyChange(InputSerializer):
    name = serializers.CharField(max_length=200, required=False)
    rules = RuleSerializer(many=True, required=False)


class DueOutput(serializers.Serializer[Any]):
    """How much of one kind is due in one collection."""

    what = serializers.ChoiceField(choices=ASSET_PARTS)
    collection = serializers.UUIDField()
    due = serializers.IntegerField(source="free", help_text="The next purge destroys these.")
    held = serializers.IntegerField(help_text="These stay because of a legal hold.")
    paused = serializers.IntegerField(help_text="These wait because retention is paused.")


class PolicyPreviewOutput(serializers.Serializer[Any]):
    """What a change of a policy does at once."""

    collections = serializers.IntegerField(help_text="Collections that follow the policy.")
    now = DueOutput(many=True, help_text="What is due by the rules as they are.")
    then = DueOutput(many=True, help_text="What is due by the rules as they would be.")


class CalendarQuery(serializers.Serializer[Any]):
    days = serializers.IntegerField(default=90, min_value=1, max_value=MOST_DAYS)
    collection = serializers.UUIDField(required=False)


class DueDayOutput(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="UTC.")
    what = serializers.ChoiceField(choices=KINDS)
    collection = serializers.UUIDField(allow_null=True)
    count = serializers.IntegerField()
    held = serializers.IntegerField(help_text="Of these, so many stay because of a legal hold.")


class CalendarOutput(serializers.Serializer[Any]):
    """What goes next."""

    start = serializers.DateTimeField()
    until = serializers.DateTimeField()
    overdue = DueOutput(many=True, help_text="Due already: for the next purge.")
    days = DueDayOutput(many=True)


class DueQuery(serializers.Serializer[Any]):
    collection = serializers.UUIDField(required=False)


class PauseInput(InputSerializer):
    collection = serializers.UUIDField(
        required=False, allow_null=True, help_text="Left out: everything; governors."
    )
    reason = serializers.CharField(max_length=REASON_LENGTH)
    until = serializers.DateTimeField()


class PauseOutput(serializers.ModelSerializer[RetentionPause]):
    class Meta:
        model = RetentionPause
        fields = ["id", "collection", "reason", "placed_by", "placed_at", "until"]
        fields += ["ended_by", "ended_at"]


class PurgeRunOutput(serializers.ModelSerializer[PurgeRun]):
    """A purge: how far it is, or what it did."""

    class Meta:
        model = PurgeRun
        fields = ["id", "state", "started_at", "finished_at", "step", "resumed", "reason", "by"]


class PurgeTallyOutput(serializers.ModelSerializer[PurgeTally]):
    class Meta:
        model = PurgeTally
        fields = ["what", "collection", "purged", "held", "paused", "failed"]


class PurgeReportOutput(PurgeRunOutput):
    """A purge with its counts, by kind and collection."""

    tallies = serializers.SerializerMethodField()
    totals = serializers.SerializerMethodField()

    class Meta(PurgeRunOutput.Meta):
        fields = [*PurgeRunOutput.Meta.fields, "totals", "tallies"]

    def get_totals(self, run: PurgeRun) -> dict[str, Any]:
        """Sums over all collections; for governors."""
        return dict(run_totals(run)) if self.context["collections"] is None else {}

    def get_tallies(self, run: PurgeRun) -> list[dict[str, Any]]:
        """What was purged and left, by kind and collection."""
        rows = run.tallies.all()
        if self.context["collections"] is not None:
            rows = rows.filter(collection__in=self.context["collections"])
        return [dict(row) for row in PurgeTallyOutput(rows, many=True).data]
