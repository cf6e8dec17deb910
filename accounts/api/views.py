"""Log-in by token, users and teams."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.contrib.auth import logout
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle

from accounts import selectors
from accounts.api import serializers as s
from accounts.api.base import ApiView
from accounts.errors import Invalid
from accounts.permissions import ManagesPeople, OwnPassword
from accounts.services import teams, tokens, users

PEOPLE = [IsAuthenticated, OwnPassword, ManagesPeople]


class TokenView(ApiView):
    """A password once, a token from then on."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "token"

    def scope(self) -> Any:
        """No transaction: a refusal is recorded, although the answer is an error."""
        return nullcontext()

    @extend_schema(
        operation_id="token_create",
        tags=["auth"],
        request=s.TokenInput,
        responses=s.TokenOutput,
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """A token for a name and a password.

        Unknown names and wrong passwords are answered alike.
        """
        given = self.parsed(s.TokenInput)
        user = tokens.authenticate(request=request._request, **given)  # noqa: SLF001 - DRF names Django's request so
        if user is None:
            raise AuthenticationFailed("The name or the password is wrong.")
        return Response(s.TokenOutput(tokens.token_create(user=user)).data)

    def get_authenticate_header(self, request: Request) -> str:
        """What 401 names in WWW-Authenticate."""
        return "Token"


class LogoutView(ApiView):
    """The end of a token or a session."""

    open_before_password_change = True

    @extend_schema(
        operation_id="token_revoke",
        tags=["auth"],
        request=None,
        responses={204: OpenApiResponse(description="Revoked.")},
    )
    def post(self, request: Request) -> Response:
        """Revoke the token, or end the session, that this request came with."""
        if request.auth is not None:
            tokens.token_revoke(user=self.caller(), token=request.auth)
        else:
            logout(request._request)  # noqa: SLF001 - DRF names Django's request so
        return Response(status=204)


class PasswordView(ApiView):
    """The caller's own password."""

    open_before_password_change = True
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "password"

    @extend_schema(
        operation_id="password_change",
        tags=["auth"],
        request=s.PasswordInput,
        responses={
            204: OpenApiResponse(description="Changed; all other tokens and sessions ended.")
        },
    )
    def post(self, request: Request) -> Response:
        """Choose a password of one's own. The token of this request stays valid, all others end."""
        given = self.parsed(s.PasswordInput)
        users.password_change(
            user=self.caller(),
            current=given["current_password"],
            new=given["new_password"],
            keep_token=getattr(request.auth, "digest", None),
        )
        return Response(status=204)


class UsersView(ApiView):
    """All accounts."""

    permission_classes = PEOPLE
    idempotent = True
    secret_fields = frozenset({"one_time_password"})

    @extend_schema(operation_id="users_list", tags=["people"], responses=s.UserOutput(many=True))
    def get(self, request: Request) -> Response:
        """All users by name."""
        return self.page(selectors.user_list(), s.UserOutput)

    @extend_schema(
        operation_id="users_create",
        tags=["people"],
        request=s.UserInput,
        responses={201: s.NewUserOutput},
    )
    def post(self, request: Request) -> Response:
        """A new account. Organisation roles are given by governors alone."""
        given = self.parsed(s.UserInput)
        made = users.user_create(by=self.caller(), **given)
        shown = None if "password" in given else made.one_time_password
        answer = s.NewUserOutput(made.user, context={"one_time_password": shown})
        return Response(answer.data, status=201)


class UserView(ApiView):
    """One account."""

    permission_classes = PEOPLE

    @extend_schema(operation_id="users_get", tags=["people"], responses=s.UserOutput)
    def get(self, request: Request, user_id: UUID) -> Response:
        """One user."""
        return Response(s.UserOutput(selectors.user_get(user_id=user_id)).data)

    @extend_schema(
        operation_id="users_update", tags=["people"], request=s.UserChange, responses=s.UserOutput
    )
    def patch(self, request: Request, user_id: UUID) -> Response:
        """Change or close an account.

        Who holds an organisation role is changed by governors alone.
        """
        user = selectors.user_get(user_id=user_id)
        return Response(
            s.UserOutput(
                users.user_update(by=self.caller(), user=user, **self.parsed(s.UserChange))
            ).data
        )


class UserPasswordView(ApiView):
    """A forgotten password."""

    permission_classes = PEOPLE

    @extend_schema(
        operation_id="users_password_reset",
        tags=["people"],
        request=None,
        responses=s.OneTimePasswordOutput,
    )
    def post(self, request: Request, user_id: UUID) -> Response:
        """A one-time password; the user's tokens and sessions end."""
        user = selectors.user_get(user_id=user_id)
        made = users.password_reset(by=self.caller(), user=user)
        return Response(s.OneTimePasswordOutput({"one_time_password": made.one_time_password}).data)


class TeamsView(ApiView):
    """All teams."""

    permission_classes = PEOPLE
    idempotent = True

    @extend_schema(operation_id="teams_list", tags=["people"], responses=s.TeamOutput(many=True))
    def get(self, request: Request) -> Response:
        """All teams by slug."""
        return self.page(selectors.team_list(), s.TeamOutput)

    @extend_schema(
        operation_id="teams_create",
        tags=["people"],
        request=s.TeamInput,
        responses={201: s.TeamOutput},
    )
    def post(self, request: Request) -> Response:
        """A new team without members."""
        team = teams.team_create(by=self.caller(), **self.parsed(s.TeamInput))
        return Response(s.TeamOutput(team).data, status=201)


class MembersView(ApiView):
    """Who is in a team."""

    permission_classes = PEOPLE
    idempotent = True

    @extend_schema(
        operation_id="members_list", tags=["people"], responses=s.MemberOutput(many=True)
    )
    def get(self, request: Request, team_id: UUID) -> Response:
        """The members of one team by name."""
        team = selectors.team_get(team_id=team_id)
        return self.page(selectors.member_list(team=team), s.MemberOutput)

    @extend_schema(
        operation_id="members_create",
        tags=["people"],
        request=s.MemberInput,
        responses={201: s.MemberOutput, 200: s.MemberOutput},
    )
    def post(self, request: Request, team_id: UUID) -> Response:
        """Put a user into a team; 200 if they were in it already."""
        team = selectors.team_get(team_id=team_id)
        user = selectors.user_find(username=self.parsed(s.MemberInput)["user"])
        if user is None:
            raise Invalid("Some fields are not valid.", fields={"user": ["There is no such user."]})
        membership, made = teams.member_add(by=self.caller(), team=team, user=user)
        return Response(s.MemberOutput(membership).data, status=201 if made else 200)


class MemberView(ApiView):
    """One user in one team."""

    permission_classes = PEOPLE

    @extend_schema(
        operation_id="members_delete",
        tags=["people"],
        responses={204: OpenApiResponse(description="No longer in the team.")},
    )
    def delete(self, request: Request, team_id: UUID, user_id: UUID) -> Response:
        """Take a user out of a team."""
        team = selectors.team_get(team_id=team_id)
        membership = selectors.member_get(team=team, user_id=user_id)
        teams.member_remove(by=self.caller(), membership=membership)
        return Response(status=204)
