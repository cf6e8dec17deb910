from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """allauth's pages without sign-up: accounts are made by governors and operators."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Always false."""
        return False
