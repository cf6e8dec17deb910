"""Accounts are made, changed and closed here. Each change goes into the ledger with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from knox.models import get_token_model

from accounts import trail
from accounts.errors import Conflict, Invalid, NotAllowed
from accounts.models import User

ORGANISATION_ROLES = ("governor", "operator")
# 15 random bytes are 120 bits; NIST SP 800-63B asks at least 64 of a generated secret.
_ONE_TIME_PASSWORD_BYTES = 15


@dataclass(frozen=True)
class NewUser:
    """An account just made, and the password with which it opens once. It is kept nowhere else."""

    user: User
    one_time_password: str


@transaction.atomic
def user_create(
    *,
    by: User | None,
    username: str,
    password: str | None = None,
    name: str = "",
    email: str = "",
    may_create_collections: bool = False,
    organisation_roles: list[str] | None = None,
    must_change_password: bool = True,
) -> NewUser:
    """A new account. Without ``password`` one is drawn; it must be changed at the first log-in.

    ``by`` is None for set-up, which may do everything.

    Raises:
        NotAllowed: ``by`` may not give these organisation roles, or may not make accounts.
        Conflict: the name is taken, in whatever case.
        Invalid: the password is too weak or the name is not allowed.
    """
    roles = _checked_roles(organisation_roles or [])
    _require_may_manage(by=by, roles_change=bool(roles))
    user = User(
        username=User.normalize_username(username),
        first_name=name,
        email=email,
        may_create_collections=may_create_collections,
        is_governor="governor" in roles,
        is_operator="operator" in roles,
        must_change_password=must_change_password,
    )
    user.is_staff = user.is_governor or user.is_operator
    one_time_password = password or secrets.token_urlsafe(_ONE_TIME_PASSWORD_BYTES)
    _check_password(user=user, password=one_time_password)
    user.set_password(one_time_password)
    _save_new(user)
    trail.note(event="access:user:create", by=by, refs={"user": str(trail.actor_id(user))})
    return NewUser(user=user, one_time_password=one_time_password)


@transaction.atomic
def user_update(
    *,
    by: User | None,
    user: User,
    name: str | None = None,
    email: str | None = None,
    is_active: bool | None = None,
    may_create_collections: bool | None = None,
    organisation_roles: list[str] | None = None,
) -> User:
    """The user, changed; what is None stays. A closed account loses its tokens at once.

    Raises:
        NotAllowed: ``by`` may not manage this account or give these roles.
        Conflict: it would leave the appliance without an active governor.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    roles = None if organisation_roles is None else _checked_roles(organisation_roles)
    roles_change = roles is not None and roles != set(user.organisation_roles)
    _require_may_manage(by=by, roles_change=roles_change, holder=user)
    for field, value in {
        "first_name": name,
        "email": email,
        "is_active": is_active,
        "may_create_collections": may_create_collections,
    }.items():
        if value is not None:
            setattr(user, field, value)
    if roles is not None:
        user.is_governor, user.is_operator = "governor" in roles, "operator" in roles
        user.is_staff = user.is_staff or bool(roles)
    _require_a_governor(user)
    user.save()
    if not user.is_active:
        tokens_revoke_all(user=user)
    trail.note(event="access:user:update", by=by, refs={"user": str(trail.actor_id(user))})
    return user


@transaction.atomic
def password_reset(*, by: User | None, user: User) -> NewUser:
    """A new one-time password for ``user``, whose tokens and sessions end.

    Raises:
        NotAllowed: ``by`` may not manage this account.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _require_may_manage(by=by, roles_change=False, holder=user)
    one_time_password = secrets.token_urlsafe(_ONE_TIME_PASSWORD_BYTES)
    user.set_password(one_time_password)
    user.must_change_password = True
    user.save(update_fields=["password", "must_change_password"])
    tokens_revoke_all(user=user)
    trail.note(event="access:user:password_reset", by=by, refs={"user": str(trail.actor_id(user))})
    return NewUser(user=user, one_time_password=one_time_password)


@transaction.atomic
def password_change(*, user: User, current: str, new: str, keep_token: str | None = None) -> User:
    """The user with a password of their own.

    All tokens but ``keep_token`` (a digest) and all sessions end.

    Raises:
        Invalid: the current password is wrong, or the new one too weak or the same.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.check_password(current):
        raise Invalid(
            "Some fields are not valid.", fields={"current_password": ["This is not it."]}
        )
    if current == new:
        raise Invalid(
            "Some fields are not valid.", fields={"new_password": ["Choose another one."]}
        )
    _check_password(user=user, password=new, field="new_password")
    user.set_password(new)
    user.save(update_fields=["password"])
    password_changed(user=user, keep_token=keep_token)
    return user


@transaction.atomic
def password_changed(*, user: User, keep_token: str | None = None) -> None:
    """Record that ``user`` chose a password, by whatever page.

    Older tokens than ``keep_token`` end.
    """
    user.must_change_password = False
    user.save(update_fields=["must_change_password"])
    tokens_revoke_all(user=user, keep_token=keep_token)
    trail.note(event="auth:password:change", by=user)


def tokens_revoke_all(*, user: User, keep_token: str | None = None) -> int:
    """How many tokens of ``user`` were revoked, all but the one with digest ``keep_token``."""
    tokens = get_token_model().objects.filter(user=user).exclude(digest=keep_token or "")
    count: int = tokens.delete()[0]
    return count


def _save_new(user: User) -> None:
    taken = Conflict("This username is taken.", fields={"username": ["This username is taken."]})
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise Invalid("Some fields are not valid.", fields=error.message_dict) from None
    if User.objects.filter(username__iexact=user.username).exists():
        raise taken
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise taken from None


def _check_password(*, user: User, password: str, field: str = "password") -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("Some fields are not valid.", fields={field: list(error.messages)}) from None


def _checked_roles(roles: list[str]) -> set[str]:
    unknown = set(roles) - set(ORGANISATION_ROLES)
    if unknown:
        expected = ", ".join(ORGANISATION_ROLES)
        raise Invalid(
            "Some fields are not valid.", fields={"organisation_roles": [f"Choose of: {expected}."]}
        )
    return set(roles)


def _require_may_manage(*, by: User | None, roles_change: bool, holder: User | None = None) -> None:
    """Operators run accounts; whoever holds or gets an organisation role is a governor's business.

    Otherwise an operator could make itself a governor, or reset a governor's password and read the
    ledger.
    """
    if by is None:
        return
    if not by.manages_people:
        raise NotAllowed("Only governors and operators manage accounts.")
    if by.is_governor:
        return
    if roles_change or (holder is not None and holder.organisation_roles and holder.pk != by.pk):
        raise NotAllowed("Only governors manage organisation roles and those who hold them.")


def _require_a_governor(user: User) -> None:
    if user.is_active and user.is_governor:
        return
    governors = User.objects.select_for_update().filter(is_governor=True, is_active=True)
    held = set(governors.order_by("pk").values_list("pk", flat=True))
    if held and not held - {user.pk}:
        raise Conflict("This is the last active governor.")
