"""Log-in over the API: a password once, a token from then on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from knox.models import get_token_model

from accounts import trail
from accounts.errors import TooManyAttempts
from accounts.models import User


@dataclass(frozen=True)
class IssuedToken:
    """A token in the clear, for the only time: the appliance keeps its digest."""

    token: str
    expiry: datetime | None


def authenticate(*, request: HttpRequest, username: str, password: str) -> User | None:
    """The active user with this name and password, or None; every failure is in the ledger.

    The log-in page's limits count here too. An unknown name costs one password hash, as a wrong
    password does.

    Raises:
        TooManyAttempts: too many failures for this name or from this address.
    """
    try:
        user = get_adapter().authenticate(request, username=username, password=password)
    except ValidationError:
        raise TooManyAttempts("Too many log-ins failed. Try again in some minutes.") from None
    # allauth hands out inactive users whose password was right, to show them a page of its own.
    return user if user is not None and user.is_active else None


@transaction.atomic
def token_create(*, user: User) -> IssuedToken:
    """A new token for ``user``; recorded."""
    instance, token = get_token_model().objects.create(user=user)
    trail.note(event="auth:token:create", by=user)
    return IssuedToken(token=token, expiry=instance.expiry)


@transaction.atomic
def token_revoke(*, user: User, token: Any) -> None:
    """End one knox token; recorded."""
    token.delete()
    trail.note(event="auth:token:delete", by=user)
