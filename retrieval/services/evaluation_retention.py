"""When evaluation runs go: with their collection, or when their period is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from audit import ledger
from audit.holds import holds_still
from audit.pauses import paused_collections
from audit.purge_runs import Note
from audit.retention import after_days
from retrieval import scope
from retrieval.models import Collection, EvaluationRun
from retrieval.selectors.holds import active_holds

# Where no policy says otherwise, and for runs on data sets. Two years compare a handful of model
# versions; the entries in the ledger stay.
EVALUATION_DAYS = 730
_WHAT = "evaluation"


def evaluations_purge(*, dry_run: bool = False, note: Note | None = None) -> int:
    """How many runs were (in a dry run: would be) removed, with their cases.

    By the rule for ``evaluation`` of each collection's policy as it is now. What a collection
    declared to be good enough stays, and so does everything of one that is held or paused.
    ``note`` is told by collection.
    """
    found = 0
    with scope.system():
        holds_still()
        paused = paused_collections()
        held = set(active_holds().values_list("collection", flat=True)) - {None}
        for collection_id, rows in _due():
            ids = list(rows.values_list("id", flat=True))
            left = "held" if collection_id in held else "paused" if collection_id in paused else ""
            if note and ids:
                note(what=_WHAT, collection=collection_id, **{left or "purged": len(ids)})
            if left:
                continue
            found += len(ids)
            if dry_run or not ids:
                continue
            EvaluationRun.objects.filter(id__in=ids).delete()
            ledger.record(
                event="retention:evaluation:purge",
                actor=None,
                refs={} if collection_id is None else {"collection": collection_id},
                payload={"runs": len(ids)},
            )
    return found


def _due() -> Iterator[tuple[UUID | None, QuerySet[EvaluationRun]]]:
    now = timezone.now()
    runs = EvaluationRun.objects.order_by()
    yield None, runs.filter(collection=None, created_at__lte=now - timedelta(days=EVALUATION_DAYS))
    measured = runs.filter(collection__isnull=False).values_list("collection_id", flat=True)
    for collection in Collection.objects.filter(id__in=measured.distinct()).select_related(
        "retention_policy"
    ):
        rules = collection.retention_policy.rules if collection.retention_policy else []
        days = after_days(rules, what=_WHAT, modality="")
        kept = timedelta(days=EVALUATION_DAYS if days is None else days)
        yield collection.pk, runs.filter(collection=collection, created_at__lte=now - kept)
