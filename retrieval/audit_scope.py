"""Who may read what of the audit: governors all of it, stewards that of their collections."""

from __future__ import annotations

from accounts.models import User
from audit.scope import AuditScope
from retrieval.access import Permission, collections_with


def audit_scope(*, user: User) -> AuditScope:
    """What of the audit ``user`` may read. One query."""
    governed = collections_with(user=user, permission=Permission.GOVERN)
    return AuditScope(
        everything=user.is_active and user.is_governor, collections=frozenset(governed)
    )
