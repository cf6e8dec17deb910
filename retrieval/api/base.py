"""Views that read collections.

Every one of them sees only what row-level security shows its caller.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from accounts.api.base import ApiView
from retrieval import access, scope


class ScopedView(ApiView):
    """Handlers run in a transaction that sees only what the caller's grants show."""

    def scope(self) -> AbstractContextManager[Any]:
        """The caller's row-level scope."""
        return scope.user(self.caller().pk)


class GovernorView(ApiView):
    """Handlers for governors only: nobody else learns even what a right request looks like.

    They run in no transaction; the services that they call open the appliance's own.
    """

    def scope(self) -> AbstractContextManager[Any]:
        """Nothing, once the caller is known to be a governor."""
        access.require_governor(user=self.caller())
        return nullcontext()


class UnheldView(ApiView):
    """Handlers that wait for other servers or stream: no transaction is held meanwhile.

    The service that they call opens the caller's scope around its own reads.
    """

    def scope(self) -> AbstractContextManager[Any]:
        """None."""
        return nullcontext()
