"""When votes on hits go: with the asset, and when their period is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import ledger
from audit.holds import holds_still
from audit.models import RetentionPolicy
from audit.pauses import paused_collections
from audit.purge_runs import Note
from audit.retention import after_days
from retrieval import scope
from retrieval.feedback_models import NOTHING_RIGHT, Feedback, LabelledQuery
from retrieval.models import Collection
from retrieval.selectors.holds import active_holds, not_held

# Where no policy says otherwise. A year of votes covers the seasons of what is asked; older ones
# were mostly cast on answers of models that have been replaced since.
FEEDBACK_DAYS = 365
_WHAT = "feedback"


def feedback_forget(*, asset_id: UUID) -> None:
    """Removes votes on an asset and labelled queries that it answers. In the caller's scope."""
    LabelledQuery.objects.filter(asset_id=asset_id).delete()
    Feedback.objects.filter(asset_id=asset_id).delete()


def feedback_purge(*, dry_run: bool = False, note: Note | None = None) -> int:
    """How many votes were (in a dry run: would be) removed, their shared words with them.

    By the rules for ``feedback`` of each collection's policy as they are now. A vote on a whole
    answer, which belongs to no one collection, goes by the shortest period of all. Votes on assets
    and searches under a hold stay, and those in a collection that is paused. ``note`` is told by
    collection.
    """
    now = timezone.now()
    found = 0
    with scope.system():
        holds_still()
        paused = paused_collections()
        searches = active_holds().filter(query__isnull=False).values("query")
        for collection in _collections_with_votes():
            rules = collection.retention_policy.rules if collection.retention_policy else []
            due = Feedback.objects.filter(_due(rules, now), collection=collection)
            free = due.filter(not_held("asset__")).exclude(search_id__in=searches)
            left = due.count() - (all_of_them := free.count()) if note else 0
            if collection.pk in paused:
                removed = 0
                left_paused = all_of_them if note else 0
            else:
                removed = _remove(free, dry_run=dry_run, collection_id=collection.pk)
                left_paused = 0
            found += removed
            if note:
                note(
                    what=_WHAT,
                    collection=collection.pk,
                    purged=removed,
                    held=left,
                    paused=left_paused,
                )
        whole = Feedback.objects.filter(rank=NOTHING_RIGHT, at__lte=now - _shortest())
        removed = _remove(
            whole.exclude(search_id__in=searches), dry_run=dry_run, collection_id=None
        )
        if note:
            note(what=_WHAT, collection=None, purged=removed)
    return found + removed


def feedback_period(*, rules: list[dict[str, Any]] | None, modality: str) -> timedelta:
    """How long a vote is kept; ``rules`` is None for one on a whole answer, of no collection."""
    if rules is None:
        return _shortest()
    days = after_days(rules, what=_WHAT, modality=modality) if modality else None
    other = next((r["after_days"] for r in rules if _for_all(r)), FEEDBACK_DAYS)
    return timedelta(days=other if days is None else days)


def _collections_with_votes() -> QuerySet[Collection]:
    voted = Feedback.objects.filter(collection__isnull=False).order_by()
    return Collection.objects.filter(
        id__in=voted.values_list("collection_id", flat=True).distinct()
    ).select_related("retention_policy")


def _due(rules: list[dict[str, Any]], now: datetime) -> Q:
    """Votes that are over, by the modality of what was found."""
    named = {rule.get("modality") or "" for rule in rules if rule["what"] == _WHAT} - {""}
    other = next((r["after_days"] for r in rules if _for_all(r)), FEEDBACK_DAYS)
    due = Q(at__lte=now - timedelta(days=other)) & ~Q(target_modality__in=named)
    for modality in named:
        days = after_days(rules, what=_WHAT, modality=modality)
        due |= Q(target_modality=modality, at__lte=now - timedelta(days=days or 0))
    return due


def _for_all(rule: dict[str, Any]) -> bool:
    return rule["what"] == _WHAT and not rule.get("modality")


def _shortest() -> timedelta:
    found = [
        int(rule["after_days"])
        for rules in RetentionPolicy.objects.values_list("rules", flat=True)
        for rule in rules
        if rule["what"] == _WHAT
    ]
    return timedelta(days=min([*found, FEEDBACK_DAYS]))


def _remove(rows: QuerySet[Feedback], *, dry_run: bool, collection_id: UUID | None) -> int:
    if dry_run:
        return rows.count()
    ids = list(rows.values_list("id", flat=True))
    if not ids:
        return 0
    LabelledQuery.objects.filter(feedback__in=ids).delete()
    Feedback.objects.filter(id__in=ids).delete()
    ledger.record(
        event="retention:feedback:purge",
        actor=None,
        refs={} if collection_id is None else {"collection": collection_id},
        payload={"votes": len(ids)},
    )
    return len(ids)
