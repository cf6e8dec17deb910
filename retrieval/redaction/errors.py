"""Errors of redaction; ``permanent`` says whether trying again could help."""

from __future__ import annotations

from typing import ClassVar, Literal

Disposition = Literal["quarantined", "rejected"]


class RedactionError(Exception):
    """Base of everything that redaction raises; messages never hold content."""

    permanent: ClassVar[bool] = True


class RedactionRefusedError(RedactionError):
    """The content cannot be taken: a plain ``reason``, and a ``disposition`` for the asset."""

    def __init__(self, *, code: str, reason: str, disposition: Disposition) -> None:
        """Keep the three parts that the asset's record needs."""
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.disposition = disposition


class RedactionTimeoutError(RedactionError):
    """The text could not be analysed within its time limit, so nothing of it may pass."""


class UnknownProfileError(RedactionError):
    """No profile of that name is registered."""


class ProfileError(RedactionError):
    """A profile that cannot be meant so: ``field`` says where, ``problem`` what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        """``field`` is a path with dots, such as ``entities.PERSON.threshold``."""
        super().__init__(f"{field or 'profile'}: {problem}")
        self.field = field
        self.problem = problem


class RedactionUnavailableError(RedactionError):
    """The redaction server is down, busy or slow; the caller should come back later."""

    permanent: ClassVar[bool] = False

    def __init__(
        self, code: str = "unavailable", *, retry_after_seconds: float | None = None
    ) -> None:
        """Remember what the server said about when to come back."""
        super().__init__(code)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


# The names that the contract between the parts uses.
RedactionRefused = RedactionRefusedError
RedactionUnavailable = RedactionUnavailableError
