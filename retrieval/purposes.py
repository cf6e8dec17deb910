"""What a collection's purposes say about being used. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SEARCH: Final = "search"
NAMES: Final = (SEARCH, "training", "raw_access")
ARTICLE_9: Final = "abcdefghij"  # letters of the conditions in GDPR Art. 9(2)
EXPLICIT: Final = "a"  # explicit consent


@dataclass(frozen=True)
class PurposeRule:
    """Whether every person in an asset must have permitted a use, and whether explicitly."""

    required: bool = False
    explicit: bool = False


def rule_of(purposes: Mapping[str, Any], purpose: str) -> PurposeRule:
    """What the collection asks for one purpose; what it does not name needs no consent.

    Special categories under condition (a) of Art. 9(2) need an explicit one.
    """
    rule: Mapping[str, Any] = purposes.get(purpose) or {}
    explicit = bool(rule.get("special_categories")) and rule.get("art9_condition") == EXPLICIT
    return PurposeRule(required=needs_consent(purposes, purpose) or explicit, explicit=explicit)


def rule_problem(rule: Mapping[str, Any]) -> str:
    """What is wrong with the rule of one purpose, in a sentence; empty where nothing is."""
    consent = rule.get("consent", "not_required")
    if consent not in {"required", "not_required"}:
        return "Consent is `required` or `not_required`."
    condition = rule.get("art9_condition") or ""
    if condition and condition not in tuple(ARTICLE_9):
        return "A condition is a letter from a to j, of GDPR Art. 9(2)."
    if not rule.get("special_categories"):
        return "A condition of Art. 9(2) belongs to special categories of data." * bool(condition)
    if not condition:
        return (
            "Special categories of data may be used only under a condition of GDPR Art. 9(2): "
            "name it as art9_condition, a letter from a to j."
        )
    if condition == EXPLICIT and consent != "required":
        return "Condition (a) is an explicit consent, so consent is required."
    return ""


def needs_consent(purposes: Mapping[str, Any], purpose: str) -> bool:
    """Whether the collection asks for a consent where it is used for ``purpose``."""
    rule: Mapping[str, Any] = purposes.get(purpose) or {}
    return bool(rule.get("consent", "not_required") != "not_required")


def asks_for_purpose(purposes: Mapping[str, Any]) -> bool:
    """Whether a search must say what it is for: consent is needed for some purpose."""
    return any(needs_consent(purposes, name) for name in purposes)


def permits_search(purposes: Mapping[str, Any], purpose: str) -> bool:
    """Whether the collection may be searched for ``purpose`` ("": none was named).

    Which of its assets may be shown then is decided asset by asset: those that somebody in them has
    not permitted are withheld.
    """
    return not asks_for_purpose(purposes) or purpose in purposes


def legal_basis(purposes: Mapping[str, Any]) -> str:
    """What the collection names for being searched; empty where it names nothing."""
    return str((purposes.get(SEARCH) or {}).get("legal_basis") or "")
