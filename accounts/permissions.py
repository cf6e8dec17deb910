"""Permissions that hold everywhere in the API, on by default in the settings."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class OwnPassword(BasePermission):
    """Refuses users whose password was set by somebody else until they have changed it.

    A view that they need for that says ``open_before_password_change = True``.
    """

    message = "Change your first password before anything else: POST /api/v1/auth/password/."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the password is the user's own, or the view is needed to make it so."""
        if getattr(view, "open_before_password_change", False):
            return True
        return not getattr(request.user, "must_change_password", False)


class ManagesPeople(BasePermission):
    """Governors and operators."""

    message = "Only governors and operators may do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the user holds one of the organisation roles."""
        return bool(getattr(request.user, "manages_people", False))
