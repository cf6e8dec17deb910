"""Retention policies: the services, and periods that belong to no asset.

What holds the things themselves (retrieval) registers a follower and is told, in the transaction of
the change, that a policy changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import IntegrityError, transaction

from audit import ledger
from audit.errors import AuditError
from audit.models import RetentionPolicy
from audit.retention_rules import (
    MODALITIES,
    MOST_DAYS,
    STATES,
    WHAT,
    RetentionRuleError,
    Rule,
    after_days,
    rules_parse,
)

__all__ = [
    "MODALITIES",
    "MOST_DAYS",
    "STATES",
    "WHAT",
    "PolicyFollower",
    "PolicyMissing",
    "PolicyNameTaken",
    "RetentionRuleError",
    "Rule",
    "after_days",
    "follow_policies",
    "ledger_days",
    "policy_create",
    "policy_update",
    "query_period",
    "raw_kept_until",
    "rules_parse",
]
_NAME_LENGTH = 200


class PolicyMissing(AuditError):
    """No policy has this id."""

    status = 404


class PolicyNameTaken(AuditError):
    """Another policy has this name."""

    status = 409


class PolicyFollower(Protocol):
    """What must act when a policy's rules change, e.g. set deadlines anew."""

    def __call__(self, *, policy_id: UUID) -> object:
        """What it returns is not looked at."""


_followers: list[PolicyFollower] = []


def follow_policies(follower: PolicyFollower) -> None:
    """Registers a follower, called within the transaction that changes a policy. At start-up."""
    if follower not in _followers:
        _followers.append(follower)


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


def ledger_days() -> int | None:
    """Days that the keys of the ledger's people are kept: the shortest rule of any policy.

    None where no policy says so. One query.
    """
    found = [
        int(rule["after_days"])
        for rules in RetentionPolicy.objects.values_list("rules", flat=True)
        for rule in rules
        if rule["what"] == "ledger"
    ]
    return min(found, default=None)


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
