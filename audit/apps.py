from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The bottom room: ledger, key store, search records, retention policies."""

    name = "audit"
