"""What a collection's purposes say about being searched. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def needs_consent(purposes: Mapping[str, Any], purpose: str) -> bool:
    """Whether the collection asks for a consent where it is used for ``purpose``."""
    rule: Mapping[str, Any] = purposes.get(purpose) or {}
    return bool(rule.get("consent", "not_required") != "not_required")


def permits_search(purposes: Mapping[str, Any], purpose: str) -> bool:
    """Whether the collection may be searched for ``purpose`` ("": none was named).

    No consent can be looked up yet, so where one is needed nothing is shown.
    """
    if not any(needs_consent(purposes, name) for name in purposes):
        return True
    return (
        purpose in purposes
        and not needs_consent(purposes, purpose)
        and not needs_consent(purposes, "search")
    )


def legal_basis(purposes: Mapping[str, Any]) -> str:
    """What the collection names for being searched; empty where it names nothing."""
    return str((purposes.get("search") or {}).get("legal_basis") or "")
