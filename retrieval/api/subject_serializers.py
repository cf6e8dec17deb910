"""What goes in and comes out of the addresses of people and consents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from audit.consents import (
    CONDITIONS,
    LEGAL_BASES,
    PURPOSES,
    STATES,
    WITHDRAWAL_WAYS,
    Terms,
    state_of,
)
from audit.subject_models import ConsentRecord, DataSubject
from audit.subjects import MOST_IDENTIFIER, MOST_REASON
from retrieval.selectors.subjects import SubjectRow
from retrieval.services.withholding import Reconsidered
from retrieval.states import State

_WORDS = 300


class DryRunQuery(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Only name what would happen."
    )


class SubjectInput(InputSerializer):
    identifier = serializers.CharField(
        max_length=MOST_IDENTIFIER,
        required=False,
        allow_blank=False,
        help_text="Kept encrypted; the same one gives the same subject.",
    )


class SubjectsQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=DataSubject.State.values, required=False)


class SubjectOutput(serializers.Serializer[SubjectRow]):
    id = serializers.UUIDField(source="subject.id")
    state = serializers.ChoiceField(source="subject.state", choices=DataSubject.State.values)
    has_identifier = serializers.BooleanField()
    restricted_at = serializers.DateTimeField(source="subject.restricted_at", allow_null=True)
    objected_at = serializers.DateTimeField(source="subject.objected_at", allow_null=True)
    assets = serializers.IntegerField()
    consents = serializers.IntegerField()
    created_at = serializers.DateTimeField(source="subject.created_at")


class SubjectAssetOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    collection = serializers.UUIDField(source="collection_id")
    modality = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=[state.value for state in State])
    reason = serializers.CharField(allow_blank=True)
    ground = serializers.CharField(
        allow_blank=True, help_text="Records that permit it to be searched, `<series>@<version>`."
    )
    permitted_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class ReasonInput(InputSerializer):
    reason = serializers.CharField(
        max_length=MOST_REASON, required=False, allow_blank=True, default=""
    )


class RevealInput(InputSerializer):
    reason = serializers.CharField(max_length=MOST_REASON)


class IdentifierOutput(serializers.Serializer[Any]):
    identifier = serializers.CharField(allow_null=True)


class LiftInput(ReasonInput):
    what = serializers.ListField(
        child=serializers.ChoiceField(choices=["restricted", "objected"]),
        required=False,
        allow_empty=False,
        help_text="Which of them; both where nothing is named.",
    )


class MovedOutput(serializers.Serializer[Any]):
    asset = serializers.UUIDField()
    collection = serializers.UUIDField()
    reason = serializers.CharField(help_text="A code; empty for what comes back.")


def moved(changed: Reconsidered, ids: list[UUID]) -> list[dict[str, Any]]:
    """The assets of one list, as they are answered."""
    return [
        {"asset": one, "collection": changed.homes[one], "reason": changed.reasons.get(one, "")}
        for one in ids
    ]


class ConsequencesOutput(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=False)
    disappears = MovedOutput(many=True, help_text="Withheld from now on: out of the next search.")
    returns = MovedOutput(many=True, help_text="On their way back into search.")


def consequences(changed: Reconsidered, *, dry_run: bool) -> dict[str, Any]:
    """What became of assets, ready for ``ConsequencesOutput``."""
    return {
        "dry_run": dry_run,
        "disappears": moved(changed, changed.withheld),
        "returns": moved(changed, changed.returned),
    }


class SubjectChanged(ConsequencesOutput):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=DataSubject.State.values)


def _words(length: int, **options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=length), required=False, max_length=50, **options
    )


def _line(**options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=_WORDS, required=False, allow_blank=True, **options)


class ConsentInput(InputSerializer):
    subject = serializers.UUIDField()
    purposes = serializers.ListField(
        child=serializers.ChoiceField(choices=PURPOSES), allow_empty=False
    )
    legal_basis = serializers.ChoiceField(
        choices=LEGAL_BASES, default="consent", help_text="GDPR Art. 6(1), in words of DPV."
    )
    special_condition = serializers.ChoiceField(
        choices=list(CONDITIONS),
        required=False,
        allow_blank=True,
        help_text="Letter of GDPR Art. 9(2); `a` is an explicit consent.",
    )
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    supersedes = serializers.UUIDField(
        required=False, allow_null=True, help_text="The version that this one takes the place of."
    )
    data_categories = _words(100, help_text="What is processed, e.g. `Picture`, `Voice`.")
    recipients = _words(200)
    jurisdictions = _words(16, help_text="ISO 3166 codes.")
    controller = _line()
    controller_contact = _line()
    storage_location = _line()
    collection_method = serializers.CharField(max_length=100, required=False, allow_blank=True)
    withdrawal_method = _line()
    notice_ref = _line(help_text="Which notice was shown, in which version.")
    language = serializers.CharField(max_length=16, required=False, allow_blank=True)


def terms_of(given: dict[str, Any]) -> Terms:
    """The terms among validated fields, which are taken out of ``given``."""
    known = Terms.__dataclass_fields__
    return Terms(**{name: given.pop(name) for name in list(given) if name in known})


class ConsentsQuery(serializers.Serializer[Any]):
    subject = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=STATES, required=False)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)


class ConsentOutput(serializers.ModelSerializer[ConsentRecord]):
    state = serializers.SerializerMethodField()
    ref = serializers.CharField()

    class Meta:
        model = ConsentRecord
        fields = [
            *("id", "subject", "series", "version", "ref", "state", "supersedes", "superseded_at"),
            *("purposes", "legal_basis", "special_condition", "data_categories", "recipients"),
            *("jurisdictions", "controller", "controller_contact", "storage_location"),
            *("collection_method", "withdrawal_method", "notice_ref", "language"),
            *("starts_at", "expires_at", "expired_at", "withdrawn_at", "withdrawal"),
            *("collected_by", "recorded_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_state(self, record: ConsentRecord) -> str:
        """As of now."""
        return state_of(record)


class ConsentChanged(ConsequencesOutput):
    consent = ConsentOutput()


class ConsentCreated(ConsentOutput):
    """The record, and what follows from it."""

    consequences = ConsequencesOutput()

    class Meta(ConsentOutput.Meta):
        fields = [*ConsentOutput.Meta.fields, "consequences"]
        read_only_fields = fields


class WithdrawInput(InputSerializer):
    how = serializers.ChoiceField(choices=WITHDRAWAL_WAYS, required=False, default="other")


class LinkInput(InputSerializer):
    subjects = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100, default=list
    )
    consent = serializers.UUIDField(
        required=False, allow_null=True, help_text="The record under which it was taken in."
    )


class LinkOutput(serializers.Serializer[Any]):
    subject = serializers.UUIDField()
    consent = serializers.UUIDField(allow_null=True)
    via = serializers.CharField()
    at = serializers.DateTimeField()


class ImportInput(InputSerializer):
    file = serializers.FileField(help_text="CSV in UTF-8; the first line names the columns.")


class ProblemOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    column = serializers.CharField()
    message = serializers.CharField()


class ImportOutput(serializers.Serializer[Any]):
    records = serializers.IntegerField()
    subjects = serializers.IntegerField(help_text="New ones.")
    already = serializers.IntegerField(help_text="Recorded before, left alone.")
    problems = ProblemOutput(many=True)
    consequences = ConsequencesOutput()
