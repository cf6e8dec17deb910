"""What goes in and comes out of the addresses of collections and grants."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from accounts.models import Team, User
from retrieval.api.feedback_serializers import FeedbackOutput
from retrieval.api.fields import ObjectField
from retrieval.models import Role
from retrieval.purposes import ARTICLE_9
from retrieval.selectors.collections import HeldCollection
from retrieval.selectors.traces import KINDS, TraceList

ROLES = [role.value for role in Role]


class PurposeRule(InputSerializer):
    consent = serializers.ChoiceField(
        choices=["not_required", "required"],
        required=False,
        help_text="`required`: everybody in an asset must have permitted it, or it is withheld.",
    )
    legal_basis = serializers.CharField(max_length=300, required=False, allow_blank=True)
    special_categories = serializers.BooleanField(
        required=False, help_text="Whether it holds what GDPR Art. 9(1) names."
    )
    art9_condition = serializers.ChoiceField(
        choices=list(ARTICLE_9),
        required=False,
        allow_blank=True,
        help_text="The condition of Art. 9(2); `a`: every consent must be an explicit one.",
    )


class PurposesInput(InputSerializer):
    search = PurposeRule(required=False)
    training = PurposeRule(required=False)
    raw_access = PurposeRule(required=False)


class CollectionInput(InputSerializer):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    redaction_profile = serializers.CharField(
        max_length=64,
        required=False,
        help_text="`strict`, `standard`, `open`, or a profile of the organisation's own.",
    )
    retention_policy = serializers.UUIDField(required=False, allow_null=True)
    model_set = serializers.CharField(
        max_length=64,
        required=False,
        help_text="`default`: the active versions; or the collection's present set.",
    )
    purposes = PurposesInput(required=False)


class PurposeOutput(serializers.Serializer[Any]):
    consent = serializers.ChoiceField(choices=["not_required", "required"])
    legal_basis = serializers.CharField(allow_blank=True)
    special_categories = serializers.BooleanField(required=False)
    art9_condition = serializers.CharField(required=False, allow_blank=True)


class PurposesOutput(serializers.Serializer[Any]):
    search = PurposeOutput()
    training = PurposeOutput()
    raw_access = PurposeOutput()


class CollectionOutput(serializers.Serializer[HeldCollection]):
    id = serializers.UUIDField(source="collection.id")
    name = serializers.CharField(source="collection.name")
    description = serializers.CharField(source="collection.description")
    redaction_profile = serializers.CharField(source="collection.redaction_profile")
    retention_policy = serializers.UUIDField(
        source="collection.retention_policy_id", allow_null=True
    )
    model_set = serializers.CharField(source="collection.model_set")
    purposes = PurposesOutput(source="collection.purposes")
    created_at = serializers.DateTimeField(source="collection.created_at")
    role = serializers.ChoiceField(
        choices=ROLES,
        help_text="The caller's strongest reading role, or `steward` if there is no other.",
    )
    roles = serializers.ListField(child=serializers.ChoiceField(choices=ROLES))
    raw = serializers.BooleanField(
        source="access.raw", help_text="Whether the caller may see originals, with a reason."
    )


class GrantInput(InputSerializer):
    user = serializers.CharField(max_length=150, required=False, help_text="A user's name.")
    team = serializers.SlugField(max_length=64, required=False, help_text="A team's slug.")
    role = serializers.ChoiceField(choices=ROLES)
    raw = serializers.BooleanField(required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class GrantOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    user = serializers.CharField(source="user.username", default=None, allow_null=True)
    team = serializers.CharField(source="team.slug", default=None, allow_null=True)
    role = serializers.ChoiceField(choices=ROLES)
    raw = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class MyTeam(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["id", "slug", "name"]
        read_only_fields = fields


class MyCollection(serializers.Serializer[HeldCollection]):
    id = serializers.UUIDField(source="collection.id")
    name = serializers.CharField(source="collection.name")
    role = serializers.ChoiceField(choices=ROLES)
    raw = serializers.BooleanField(source="access.raw")


class MeUser(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="first_name")

    class Meta:
        model = User
        fields = ["id", "username", "name", "may_create_collections", "must_change_password"]
        read_only_fields = fields


class MeOutput(serializers.Serializer[Any]):
    user = MeUser()
    teams = MyTeam(many=True)
    organisation_roles = serializers.SerializerMethodField()
    collections = MyCollection(many=True)

    @extend_schema_field(
        serializers.ListField(child=serializers.ChoiceField(choices=["governor", "operator"]))
    )
    def get_organisation_roles(self, me: dict[str, Any]) -> list[str]:
        """The roles held."""
        roles: list[str] = me["user"].organisation_roles
        return roles


class TraceOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    event = serializers.CharField()
    refs = ObjectField(help_text="Ids of what it was done to.")


class TraceListOutput(serializers.Serializer[Any]):
    what = serializers.ChoiceField(list(KINDS))
    count = serializers.IntegerField()
    kept = serializers.CharField(help_text="How long, in words.")
    link = serializers.SerializerMethodField(help_text="All of them, page by page.")

    def get_link(self, one: TraceList) -> str:
        """An address of this API."""
        return reverse("my-traces-of", args=[one.what])


class TraceRowOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of a search, an entry of the ledger, a disclosure, …")
    at = serializers.DateTimeField()
    event = serializers.CharField()
    refs = ObjectField(help_text="Ids of what it was done to.")
    detail = ObjectField(help_text="What is known of it.")
    until = serializers.DateTimeField(
        allow_null=True, help_text="How long it is there, or leads to the caller."
    )


class TracesOutput(serializers.Serializer[Any]):
    actor = serializers.UUIDField(
        help_text="The random id that stands for the caller in the ledger, now."
    )
    name_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when what is done today leads to the caller, at most."
    )
    ledger_entries = serializers.IntegerField(
        help_text="They stay; they stop leading to a person once that person's key is destroyed."
    )
    searches = serializers.IntegerField()
    queries_kept = serializers.IntegerField(
        help_text="Of how many searches the query is still kept."
    )
    queries_kept_until = serializers.DateTimeField(allow_null=True)
    latest = TraceOutput(many=True)
    feedback = serializers.IntegerField(help_text="Hits that the caller has judged.")
    words_shared = serializers.IntegerField(
        help_text="Of them, those where stewards and curators may see the words of the search."
    )
    latest_feedback = FeedbackOutput(many=True)
    lists = TraceListOutput(many=True)
