"""Who may look at what in the console, and the mixins that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest

from retrieval import access

if TYPE_CHECKING:
    from accounts.models import User


def visitor(request: HttpRequest) -> User:
    """The logged-in visitor.

    Raises:
        PermissionDenied: nobody is logged in.
    """
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


class ReadOnly:
    """No adding, changing or deleting: what the console shows of these is a record."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Everybody whom the console admits."""
        return access.may_enter_console(user=request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Everybody whom the console admits; rows are limited by their grants."""
        return access.may_enter_console(user=request.user)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False


class OperatorsOnly(ReadOnly):
    """Records that only operators and governors look at."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Operators and governors."""
        user = visitor(request)
        return user.is_operator or user.is_governor

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Operators and governors."""
        return self.has_module_permission(request)
