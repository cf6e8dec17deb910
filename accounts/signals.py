"""What Django and allauth report about log-ins and passwords goes into the ledger."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed as allauth_password_changed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver

from accounts import trail
from accounts.models import User
from accounts.services.users import password_changed


@receiver(user_logged_in, dispatch_uid="vitrine_session_login")
def _logged_in(sender: object, user: User, **kwargs: Any) -> None:
    with transaction.atomic():
        trail.note(event="auth:session:login", by=user)


@receiver(user_logged_out, dispatch_uid="vitrine_session_logout")
def _logged_out(sender: object, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        with transaction.atomic():
            trail.note(event="auth:session:logout", by=user)


@receiver(user_login_failed, dispatch_uid="vitrine_session_refuse")
def _refused(sender: object, credentials: dict[str, Any], **kwargs: Any) -> None:
    """The name that was tried is not kept: it may be a password typed in the wrong field.

    Known and unknown names leave the same entry, so that neither ledger nor timing tells them
    apart.
    """
    with transaction.atomic():
        trail.note(event="auth:session:refuse", by=None)


@receiver(allauth_password_changed, dispatch_uid="vitrine_password_changed")
def _password_changed(sender: object, user: User, **kwargs: Any) -> None:
    password_changed(user=user)
