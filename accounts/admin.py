"""The console's pages on people: users, teams and who is in which; changed through services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.errors import AccountsError
from accounts.models import Membership, Team, User
from accounts.services import teams as team_services
from accounts.services import users as user_services

if TYPE_CHECKING:
    _UserModelForm = forms.ModelForm[User]
else:  # Django's own class takes no parameter
    _UserModelForm = forms.ModelForm


def _visitor(request: HttpRequest) -> User:
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


def _manages(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.manages_people


class _People:
    """Governors and operators manage people; nobody deletes an account, it is closed instead."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _manages(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _manages(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _manages(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _manages(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc,no-any-return]
        except AccountsError as error:
            reasons = [text for texts in error.fields.values() for text in texts]
            messages.error(request, " ".join(reasons) or error.detail)
            return HttpResponseRedirect(request.get_full_path())


class MembershipInline(_People, TabularInline):  # type: ignore[misc] # unfold ships no types
    model = Membership
    fields = ["user", "created_at"]
    readonly_fields = ["created_at"]
    extra = 0
    tab = True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: a membership is added or removed, never edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever manages people."""
        return _manages(request)


class UserForm(_UserModelForm):
    class Meta:
        model = User
        fields = [
            "username",
            "first_name",
            "email",
            "is_active",
            "may_create_collections",
            "is_governor",
            "is_operator",
        ]


@admin.register(User)
class UserAdmin(_People, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    form = UserForm
    list_display = [
        "username",
        "is_active",
        "roles",
        "may_create_collections",
        "last_login",
        "date_joined",
    ]
    list_filter = ["is_active", "is_governor", "is_operator", "may_create_collections", "teams"]
    search_fields = ["username", "first_name", "email"]
    readonly_fields = ["last_login", "date_joined"]
    actions = ["reset_password"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """A username stays: the ledger's sealed identity carries it."""
        return [*self.readonly_fields, "username"] if obj else [*self.readonly_fields, "is_active"]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Create or change through the service; a new account's one-time password is shown once."""
        data = form.cleaned_data
        by = _visitor(request)
        roles = [role for role in user_services.ORGANISATION_ROLES if data[f"is_{role}"]]
        shared = {
            "name": data["first_name"],
            "email": data["email"],
            "may_create_collections": data["may_create_collections"],
            "organisation_roles": roles,
        }
        if change:
            user_services.user_update(
                by=by, user=User.objects.get(pk=obj.pk), is_active=data["is_active"], **shared
            )
            return
        new = user_services.user_create(by=by, username=data["username"], **shared)
        obj.pk = new.user.pk
        messages.warning(request, f"One-time password, shown only now: {new.one_time_password}")

    @admin.action(description="Give a new one-time password")
    def reset_password(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        """A new one-time password for each chosen user, shown once."""
        by = _visitor(request)
        for user in rows:
            try:
                new = user_services.password_reset(by=by, user=user)
            except AccountsError as error:
                messages.error(request, f"{user.username}: {error.detail}")
            else:
                messages.warning(
                    request, f"{user.username}: {new.one_time_password} (shown only now)"
                )

    @display(description="organisation roles")
    def roles(self, user: User) -> str:
        """Governor, operator, both or neither."""
        return ", ".join(user.organisation_roles) or "none"


@admin.register(Team)
class TeamAdmin(_People, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = ["slug", "name", "member_count", "created_at"]
    search_fields = ["slug", "name"]
    fields = ["slug", "name"]
    inlines = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Teams with the number of their members."""
        rows: QuerySet[Team] = super().get_queryset(request)
        return rows.annotate(member_total=Count("memberships"))

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> list[str]:
        """A team keeps its slug and name: grants and records refer to it."""
        return ["slug", "name"] if obj else []

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Create through the service."""
        if not change:
            by = _visitor(request)
            obj.pk = team_services.team_create(by=by, slug=obj.slug, name=obj.name).pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Add and remove members through the service."""
        by = _visitor(request)
        formset.save(commit=False)
        for membership in formset.deleted_objects:
            team_services.member_remove(by=by, membership=membership)
        for membership in formset.new_objects:
            team_services.member_add(by=by, team=form.instance, user=membership.user)

    @display(description="members", ordering="member_total")
    def member_count(self, team: Any) -> int:
        """How many users are in the team."""
        return int(team.member_total)


@admin.register(Membership)
class MembershipAdmin(_People, ModelAdmin):  # type: ignore[misc] # unfold ships no types
    list_display = fields = readonly_fields = ["team", "user", "created_at"]
    list_filter = ["team"]
    search_fields = ["user__username", "team__slug"]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody here: members are added on the team's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: a membership is added or removed, never edited."""
        return False


admin.site.unregister(Group)  # roles come from grants, not from Django's groups
