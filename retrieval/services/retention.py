"""When an original is destroyed: by the collection's policy, and in quarantine after two weeks.

An asset on its way counts as a searchable one. Deadlines of what was put aside (quarantined,
withheld, rejected) are set anew by whoever moves it there or back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Least

from audit import retention
from audit.retention_rules import PUT_ASIDE, has_state_rule
from retrieval import scope
from retrieval.models import Asset, Collection
from retrieval.states import RawState, State

_RAW = "raw"


def raw_deadline(*, rules: list[dict[str, Any]], modality: str, since: datetime) -> datetime | None:
    """When an original received at ``since`` is due; None: kept until a steward sets a period.

    While the modality is not known (``""``) the earliest period of all counts.
    """
    days = retention.after_days(rules, what=_RAW, modality=modality)
    return None if days is None else since + timedelta(days=days)


def raw_deadline_set(*, asset_id: UUID) -> None:
    """Sets one asset's deadline anew, as once its modality is known. In the caller's scope."""
    raw_deadlines_set(asset_ids=[asset_id])


def raw_deadlines_set(*, asset_ids: Iterable[UUID]) -> None:
    """Sets deadlines anew, as when assets were withheld or came back. In the caller's scope."""
    assets = Asset.objects.filter(id__in=list(asset_ids))
    found = assets.order_by().values_list("collection_id", flat=True).distinct()
    for collection in Collection.objects.filter(id__in=found).select_related("retention_policy"):
        _apply(assets.filter(collection=collection), _rules(collection))


def raw_deadlines_recompute(
    *, collection_id: UUID | None = None, policy_id: UUID | None = None
) -> int:
    """How many originals got their deadline anew: a policy changed, or a collection took another.

    Call it in the transaction of the change, so that no original is ever due under rules that no
    longer hold.
    """
    collections = Collection.objects.select_related("retention_policy")
    collections = collections.filter(
        Q(id=collection_id) if collection_id else Q(retention_policy_id=policy_id)
    )
    with scope.system():
        return sum(
            _apply(Asset.objects.filter(collection=collection), _rules(collection))
            for collection in collections
        )


def thumbnail_wanted(*, asset_id: UUID) -> bool:
    """Whether a small picture may be made: not where its period was over once."""
    with scope.system():
        return Asset.objects.filter(id=asset_id, thumbnail_kept=True).exists()


def follow_policy(*, policy_id: UUID) -> None:
    """What ``audit.retention`` calls when a policy changed."""
    raw_deadlines_recompute(policy_id=policy_id)


def _rules(collection: Collection) -> list[dict[str, Any]]:
    policy = collection.retention_policy
    return list(policy.rules) if policy is not None else []


def _apply(assets: QuerySet[Asset], rules: list[dict[str, Any]]) -> int:
    """How many originals of ``assets`` have their deadline by ``rules`` now; no loop over rows."""
    kept = assets.filter(raw_state=RawState.KEPT).exclude(state=State.ERASED)
    changed = 0
    for modality in kept.order_by().values_list("modality", flat=True).distinct():
        of_modality = kept.filter(modality=modality)
        under_way = of_modality.exclude(state__in=PUT_ASIDE)
        by_policy = _deadline(rules, modality, State.SEARCHABLE)
        changed += under_way.update(raw_kept_until=by_policy)
        for state in sorted(PUT_ASIDE):
            deadline = _deadline(rules, modality, state)
            changed += of_modality.filter(state=state).update(raw_kept_until=deadline)
    return changed


def _deadline(rules: list[dict[str, Any]], modality: str, state: str) -> Combinable:
    """When the originals of assets in ``state`` are due, as an expression over their columns."""
    days = retention.after_days(rules, what=_RAW, modality=modality, state=state)
    own = has_state_rule(rules, what=_RAW, modality=modality, state=state)
    since = "state_changed_at" if own and state in PUT_ASIDE else "created_at"
    by_policy = _NEVER if days is None else _later(since, days)
    if state != State.QUARANTINED or own:
        return by_policy
    # Postgres' LEAST passes over nulls: without a period of the policy the quarantine's own counts.
    return Least(by_policy, _later("state_changed_at", settings.VITRINE_QUARANTINE_RAW_DAYS))


_NEVER = Value(None, output_field=DateTimeField())


def _later(field: str, days: int) -> Combinable:
    period = Value(timedelta(days=days), output_field=DurationField())
    return ExpressionWrapper(F(field) + period, output_field=DateTimeField())
