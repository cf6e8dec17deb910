"""What goes in and comes out of the addresses of evaluations, their cases and declared tasks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from retrieval.api.fields import ObjectField
from retrieval.api.model_serializers import KINDS, EvaluationSummary
from retrieval.evaluation.tasks import FIGURES, FUSED
from retrieval.models import EvaluationRun
from retrieval.selectors.evaluation_cases import CaseView
from retrieval.selectors.evaluation_tasks import TaskView, verdicts_of

VERDICTS = ["met", "not_met", "not_measured"]
CASE_KINDS = ["worst", "hub", "confusion", "prompt"]


class _Declared(serializers.Serializer[Any]):
    """What a task asks for."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    pair = serializers.CharField(allow_blank=True)
    figure = serializers.CharField()
    bound = serializers.FloatField()
    margin = serializers.FloatField(allow_null=True)


class TaskVerdictOutput(_Declared):
    task = serializers.UUIDField()
    verdict = serializers.ChoiceField(
        choices=VERDICTS,
        help_text="`not_measured` too where the run was made before the task was declared.",
    )
    value = serializers.FloatField(allow_null=True)
    detail = serializers.CharField(allow_blank=True)


class EvaluationOutput(EvaluationSummary):
    result = ObjectField(
        help_text="As `manage.py evaluate --json` writes it: `pairs`, `zero_shot`, `calibration`, "
        "`abstention`, `latency_ms`, `memory_mb`; `failures` and `prompts` by pair, "
        "`out_of_domain`; with `comparison` by pair of modalities. Of `--live` the pairs are "
        "`fused` and `fused-image` and so on, by what is right. Of "
        "`--leakage`: by modality the `attribute` guessed from vectors, `chance`, and the share "
        "guessed `before` and `after` redaction, each as `value`, `low`, `high`."
    )
    tasks = serializers.SerializerMethodField()

    @extend_schema_field(TaskVerdictOutput(many=True))
    def get_tasks(self, run: EvaluationRun) -> list[dict[str, Any]]:
        """What the run says of the tasks that its collection declares now."""
        return [verdict.to_json() for verdict in verdicts_of(run)]


class EvaluationsQuery(serializers.Serializer[Any]):
    model = serializers.CharField(required=False, max_length=100, help_text="name@version")
    dataset = serializers.CharField(required=False, max_length=200)
    collection = serializers.UUIDField(required=False)
    kind = serializers.ChoiceField(choices=KINDS, required=False)


class CasesQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=CASE_KINDS, required=False)
    pair = serializers.CharField(required=False, max_length=40)


class CaseOutput(serializers.Serializer[CaseView]):
    kind = serializers.ChoiceField(choices=CASE_KINDS)
    pair = serializers.CharField()
    position = serializers.IntegerField()
    words = serializers.CharField(
        allow_blank=True,
        help_text="What was asked; empty where it was no words, is not kept, or is not the "
        "caller's to read.",
    )
    body = ObjectField(
        help_text="`asked`, `rank` of the first right answer (null: not found), `right`, `found`; "
        "of a hub `id`, `times`, `share`, `answers`; of a confusion `asked`, `found`, `share`."
    )


class TaskInput(InputSerializer):
    name = serializers.CharField(max_length=64, help_text="An existing name: its next version.")
    figure = serializers.ChoiceField(choices=list(FIGURES))
    pair = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=40,
        help_text=f"`text-image` and so on; `{FUSED}` for the list that a search answers with; "
        "empty for figures of no pair.",
    )
    bound = serializers.FloatField(
        help_text="At least; at most for `median_rank`, `calibration_error`, `latency_p95_ms`."
    )
    margin = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        help_text="How much worse than the model in use is accepted; null: whatever it is.",
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class TaskWithdrawInput(InputSerializer):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class TaskOutput(_Declared):
    id = serializers.UUIDField()
    collection = serializers.UUIDField(source="collection_id")
    active = serializers.BooleanField(help_text="False: withdrawn by this version.")
    reason = serializers.CharField(allow_blank=True)
    declared_at = serializers.DateTimeField()


class TaskViewOutput(serializers.Serializer[TaskView]):
    task = TaskOutput()
    verdict = TaskVerdictOutput(
        allow_null=True, help_text="Of the newest run that measures it; null without any run."
    )
    evaluation = serializers.UUIDField(source="run.id", allow_null=True, default=None)
    history = TaskOutput(many=True, help_text="Earlier versions, newest first.")
