"""Retention policies: what is destroyed after how many days. The arithmetic, and the services.

What holds the things themselves (retrieval) registers a follower and is told, in the transaction of
the change, that a policy changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import IntegrityError, transaction

from audit import ledger
from audit.errors import AuditError
from audit.models import RetentionPolicy

WHAT = ("raw", "rendition", "vectors", "query", "transcript", "thumbnail", "feedback", "evaluation")
MODALITIES = ("text", "image", "audio", "video", "depth", "thermal", "imu")
MOST_DAYS = 36500
_NAME_LENGTH = 200


class RetentionRuleError(AuditError):
    """A policy that cannot be meant so; ``fields`` says where."""

    status = 400


class PolicyMissing(AuditError):
    """No policy has this id."""

    status = 404


class PolicyNameTaken(AuditError):
    """Another policy has this name."""

    status = 409


@dataclass(frozen=True)
class Rule:
    """``what`` is destroyed ``after_days``; for one modality, or for all where it is empty."""

    what: str
    after_days: int
    modality: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form in which rules are stored and shown."""
        named = {"modality": self.modality} if self.modality else {}
        return {"what": self.what, **named, "after_days": self.after_days}


class PolicyFollower(Protocol):
    """What must act when a policy's rules change, e.g. set deadlines anew."""

    def __call__(self, *, policy_id: UUID) -> object:
        """What it returns is not looked at."""


_followers: list[PolicyFollower] = []


def follow_policies(follower: PolicyFollower) -> None:
    """Registers a follower, called within the transaction that changes a policy. At start-up."""
    if follower not in _followers:
        _followers.append(follower)


def rules_parse(rules: object) -> list[Rule]:
    """The rules, checked.

    Raises:
        RetentionRuleError: not a list of rules, or two rules for the same thing.
    """
    if not isinstance(rules, list):
        raise _wrong(["Rules are a list."])
    parsed: list[Rule] = []
    problems: list[str] = []
    for number, rule in enumerate(rules, start=1):
        found = _rule_problem(rule)
        if found:
            problems.append(f"Rule {number}: {found}")
            continue
        one = Rule(rule["what"], rule["after_days"], rule.get("modality") or "")
        if any((one.what, one.modality) == (r.what, r.modality) for r in parsed):
            problems.append(f"Rule {number}: another rule says when this is destroyed.")
        parsed.append(one)
    if problems:
        raise _wrong(problems)
    return parsed


def after_days(rules: list[dict[str, Any]], *, what: str, modality: str) -> int | None:
    """Days until ``what`` is destroyed, None if it is kept.

    A rule for the modality counts more than one for all. While the modality is not known (``""``),
    the earliest of all rules for ``what`` counts.
    """
    days = {r.get("modality") or "": int(r["after_days"]) for r in rules if r["what"] == what}
    if not modality:
        return min(days.values(), default=None)
    return days.get(modality, days.get(""))


def raw_kept_until(
    *, policy: RetentionPolicy | None, modality: str, at: datetime
) -> datetime | None:
    """When an original received at ``at`` is due; None: kept until a steward sets a period."""
    days = after_days(policy.rules, what="raw", modality=modality) if policy else None
    return None if days is None else at + timedelta(days=days)


def query_period(
    policies: Iterable[list[dict[str, Any]]], *, modality: str, default: timedelta
) -> timedelta:
    """How long a query over collections with these policies' rules is kept: the shortest of all.

    A collection whose policy is silent about queries counts with ``default``.
    """
    found = [after_days(rules, what="query", modality=modality) for rules in policies]
    return min((default if d is None else timedelta(days=d) for d in found), default=default)


@transaction.atomic
def policy_create(*, actor: UUID | None, name: str, rules: object) -> RetentionPolicy:
    """A new policy, with its ledger entry.

    Raises:
        RetentionRuleError: no usable name, or malformed rules.
        PolicyNameTaken: the name is another policy's.
    """
    policy = RetentionPolicy(name=_name(name), rules=[r.as_json() for r in rules_parse(rules)])
    _save(policy)
    _note("retention:policy:create", actor, policy)
    return policy


@transaction.atomic
def policy_update(
    *, actor: UUID | None, policy_id: UUID, name: str | None = None, rules: object = None
) -> RetentionPolicy:
    """The policy as changed, with its ledger entry; followers set their deadlines anew.

    Raises:
        PolicyMissing, RetentionRuleError, PolicyNameTaken
    """
    policy = RetentionPolicy.objects.select_for_update().filter(id=policy_id).first()
    if policy is None:
        raise PolicyMissing("There is no such retention policy.")
    if name is not None:
        policy.name = _name(name)
    if rules is not None:
        policy.rules = [r.as_json() for r in rules_parse(rules)]
    _save(policy)
    _note("retention:policy:update", actor, policy)
    for follower in _followers:
        follower(policy_id=policy.id)
    return policy


def _rule_problem(rule: object) -> str | None:
    if not isinstance(rule, dict):
        return "a rule has the members what, after_days and perhaps modality."
    unknown = set(rule) - {"what", "after_days", "modality"}
    if unknown or not {"what", "after_days"} <= set(rule):
        return "a rule has the members what, after_days and perhaps modality, and no others."
    if rule["what"] not in WHAT:
        return f"what is one of {', '.join(WHAT)}."
    if (rule.get("modality") or "") not in ("", *MODALITIES):
        return f"modality is one of {', '.join(MODALITIES)}, or left out for all."
    days = rule["after_days"]
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        return f"after_days is a whole number from 0 (at once) to {MOST_DAYS}."
    return None


def _wrong(problems: list[str]) -> RetentionRuleError:
    return RetentionRuleError("The rules cannot be used.", fields={"rules": problems})


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= _NAME_LENGTH:
        raise RetentionRuleError(
            "The policy needs a name.", fields={"name": ["1 to 200 characters."]}
        )
    return cleaned


def _save(policy: RetentionPolicy) -> None:
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError:
        raise PolicyNameTaken(
            "Another policy has this name.", fields={"name": ["Taken."]}
        ) from None


def _note(event: str, actor: UUID | None, policy: RetentionPolicy) -> None:
    ledger.record(
        event=event, actor=actor, refs={"policy": policy.id}, payload={"rules": policy.rules}
    )
