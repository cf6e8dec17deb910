"""What goes in and comes out of the addresses of accounts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import InputSerializer
from accounts.models import User
from accounts.services.users import ORGANISATION_ROLES


class OrganisationRolesField(serializers.ListField):
    """A list of distinct organisation roles."""

    child = serializers.ChoiceField(choices=ORGANISATION_ROLES)


class TokenInput(InputSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=1000, trim_whitespace=False, style={"input_type": "password"}
    )


class TokenOutput(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)


class PasswordInput(InputSerializer):
    current_password = serializers.CharField(max_length=1000, trim_whitespace=False)
    new_password = serializers.CharField(max_length=1000, trim_whitespace=False)


class UserInput(InputSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=1000,
        trim_whitespace=False,
        required=False,
        help_text="To be changed at the first log-in. Left out, one is drawn and answered once.",
    )
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    may_create_collections = serializers.BooleanField(required=False)
    organisation_roles = OrganisationRolesField(required=False)


class UserChange(InputSerializer):
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)
    may_create_collections = serializers.BooleanField(required=False)
    organisation_roles = OrganisationRolesField(required=False)


class UserOutput(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="first_name")
    organisation_roles = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "name",
            "email",
            "is_active",
            "may_create_collections",
            "organisation_roles",
            "must_change_password",
        ]
        read_only_fields = fields

    @extend_schema_field(OrganisationRolesField())
    def get_organisation_roles(self, user: User) -> list[str]:
        """The roles held."""
        return user.organisation_roles


class NewUserOutput(UserOutput):
    one_time_password = serializers.SerializerMethodField()

    class Meta(UserOutput.Meta):
        fields = [*UserOutput.Meta.fields, "one_time_password"]
        read_only_fields = fields

    def get_one_time_password(self, user: User) -> str | None:
        """Shown once; null when the caller chose it, and when the answer is repeated."""
        password: str | None = self.context.get("one_time_password")
        return password


class OneTimePasswordOutput(serializers.Serializer[Any]):
    one_time_password = serializers.CharField()


class TeamInput(InputSerializer):
    slug = serializers.SlugField(max_length=64)
    name = serializers.CharField(max_length=200)


class TeamOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.SlugField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class MemberInput(InputSerializer):
    user = serializers.CharField(max_length=150, help_text="The user's name.")


class MemberOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="user.id", help_text="The user's id.")
    username = serializers.CharField(source="user.username")
    since = serializers.DateTimeField(source="created_at")
