"""What a purge would destroy before it happens, and what a change of rules makes due at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from audit.models import RetentionPolicy
from audit.pauses import everything_paused
from audit.retention import PolicyMissing
from audit.retention_rules import ASSET_PARTS, rules_parse
from retrieval import scope
from retrieval.errors import NotAllowed
from retrieval.models import Collection
from retrieval.selectors.due import Due, due_counts, due_list

_AT_ONCE = 2000


class DueAsset(TypedDict):
    """One part of one asset that is due; ``held`` and ``paused`` ones are left by a purge."""

    asset: UUID
    collection: UUID
    part: str
    deadline: datetime
    held: bool
    paused: bool


def due_export(
    *,
    parts: Sequence[str] = ASSET_PARTS,
    collections: Sequence[UUID] | None = None,
    until: datetime | None = None,
) -> Iterator[DueAsset]:
    """Every part of every asset that is due by ``until`` (now), part by part, by id.

    Read some thousand at a time, each in a short transaction of its own, so that a million lines
    can be streamed. Limit ``collections`` to what the reader may know of before.
    """
    until = until or timezone.now()
    for part in parts:
        after: UUID | None = None
        while True:
            with scope.system():
                rows = due_list(
                    part,
                    until=until,
                    now=timezone.now(),
                    collections=collections,
                    after=after,
                    limit=_AT_ONCE,
                )
                all_paused = everything_paused()
            for asset, collection, deadline, held, paused in rows:
                yield DueAsset(
                    asset=asset,
                    collection=collection,
                    part=part,
                    deadline=deadline,
                    held=held,
                    paused=paused or all_paused,
                )
            if len(rows) < _AT_ONCE:
                break
            after = rows[-1][0]


@dataclass(frozen=True)
class Preview:
    """What is due in the collections under a policy: by its rules, and by others instead."""

    collections: int
    now: list[Due]
    then: list[Due]

    @property
    def more(self) -> int:
        """How many more parts fall due at once."""
        return sum(one.free for one in self.then) - sum(one.free for one in self.now)


def policy_preview(*, user: User, policy_id: UUID, rules: object) -> Preview:
    """What falls due at once if the policy had ``rules`` (None: its own). Changes nothing.

    Raises:
        NotAllowed: the user is no governor. PolicyMissing, RetentionRuleError
    """
    if not (user.is_active and user.is_governor):
        raise NotAllowed("This touches every collection, so it is for governors.")
    with scope.system():
        policy = RetentionPolicy.objects.filter(id=policy_id).first()
        if policy is None:
            raise PolicyMissing("There is no such retention policy.")
        new = policy.rules if rules is None else [rule.as_json() for rule in rules_parse(rules)]
        return Preview(
            collections=Collection.objects.filter(retention_policy=policy).count(),
            now=_due_by(policy_id, policy.rules),
            then=_due_by(policy_id, new),
        )


def collection_preview(*, collection_id: UUID, policy: RetentionPolicy | None) -> list[Due]:
    """What falls due at once if the collection followed ``policy``. Inside ``scope.system``."""
    rules = [] if policy is None else policy.rules
    return _due_by(collection_id, rules, of_collection=True)


def _due_by(
    owner: UUID, rules: Sequence[Mapping[str, Any]], *, of_collection: bool = False
) -> list[Due]:
    now = timezone.now()
    found: list[Due] = []
    for what in ASSET_PARTS:
        given = {owner: rules}
        found += due_counts(what, until=now, now=now, rules=given, of_collection=of_collection)
    return found
