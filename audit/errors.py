"""What can go wrong in audit.

``status`` is the HTTP status a view answers with; ``transient`` says whether trying again helps.
"""

from __future__ import annotations


class AuditError(Exception):
    """Base of this room's errors. Messages carry ids, never content."""

    status = 500
    transient = False

    def __init__(self, detail: str = "", *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields or {}
