from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, teams and tokens."""

    name = "accounts"

    def ready(self) -> None:
        """Connect the ledger to log-ins, and the OpenAPI schema to the token."""
        from accounts import authentication, signals

        _ = (authentication, signals)
