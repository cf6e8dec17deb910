"""What can go wrong with accounts. ``status`` is the HTTP status a view answers with."""

from __future__ import annotations


class AccountsError(Exception):
    """Base of this room's errors.

    Messages carry ids and rules, never passwords, tokens or content.
    """

    status = 500
    transient = False

    def __init__(self, detail: str = "", *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields or {}


class NotVisible(AccountsError):
    """It does not exist, or the caller may not know that it does. Both answer alike."""

    status = 404


class NotAllowed(AccountsError):
    """The caller may know of it, but not do this."""

    status = 403


class Invalid(AccountsError):
    """The request asks for something impossible."""

    status = 400


class Conflict(AccountsError):
    """The request does not fit the present state."""

    status = 409


class TooLarge(AccountsError):
    """The request body is longer than this address accepts."""

    status = 413


class TooManyAttempts(AccountsError):
    """Too many log-ins failed for this name or from this address."""

    status = 429
    retry_after_seconds = 300
