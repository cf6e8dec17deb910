"""allauth's pages as this appliance wants them."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """allauth's pages without sign-up: accounts are made by governors and operators."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always false."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The peer's address, for the limits on log-ins.

        ``X-Forwarded-For`` counts only behind trusted proxies.

        Where the web server listens on a socket there is no address: then all callers share one
        limit.
        """
        if not request.META.get("REMOTE_ADDR"):
            return "local"
        return str(super().get_client_ip(request))
