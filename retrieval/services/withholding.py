"""The one place that takes assets out of search for want of a ground, and lets them back.

It works in the caller's transaction: whatever changed and what follows from it are committed
together, so the very next search knows of both. Vectors and words are deleted, a stage at work
loses its claim, an open review is closed. What comes back goes to the stage that was due when it
was taken out, and is found again when that has run: under whatever models serve by then. What was
redacted by a profile that by now would take out more begins anew, or stays withheld as outdated
where its original is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from audit import ledger
from retrieval import grounds, media, scope
from retrieval.grounds import Verdict
from retrieval.models import Asset, Collection, ProvenanceStep, Segment
from retrieval.queue import enqueue_after_commit
from retrieval.review_models import Review
from retrieval.selectors.grounds import verdicts_of
from retrieval.selectors.profiles import profile_of
from retrieval.selectors.reredaction import OUTDATED, Judge
from retrieval.services.indexing import assets_unindex
from retrieval.services.retention import raw_deadline_set
from retrieval.states import STAGE_OF, RawState, State
from retrieval.subject_models import AssetSubject

logger = structlog.get_logger("vitrine.withholding")

BATCH: Final = 1_000
# Queued at once; the sweeper brings the rest, so that a request never waits for thousands of them.
QUEUED_AT_ONCE: Final = 500
COMPONENT: Final = "consent"
_IN_USE: Final = (
    *(State.RECEIVED, State.REDACTING, State.VERIFYING, State.EMBEDDING),
    *(State.SEARCHABLE, State.QUARANTINED),
)
_READ: Final = (
    *("collection_id", "state", "reason", "raw_state", "profile_version"),
    *("ground", "permitted_until", "withheld_from"),
)
# Where an asset goes that was taken out of a state. What a stage had begun begins again.
_RETURNS: Final = {
    State.RECEIVED: State.RECEIVED,
    State.REDACTING: State.RECEIVED,
    State.VERIFYING: State.VERIFYING,
    State.QUARANTINED: State.VERIFYING,
    State.EMBEDDING: State.EMBEDDING,
    State.SEARCHABLE: State.EMBEDDING,
}


@dataclass
class Reconsidered:
    """Ids of assets by what became of them, or would; ``reasons`` says why each is withheld."""

    withheld: list[UUID] = field(default_factory=list)
    returned: list[UUID] = field(default_factory=list)
    reasons: dict[UUID, str] = field(default_factory=dict)
    homes: dict[UUID, UUID] = field(default_factory=dict)  # asset to collection

    @property
    def nothing(self) -> bool:
        """Whether no asset moves."""
        return not self.withheld and not self.returned


def reconsider(
    *,
    asset_ids: Iterable[UUID] | None = None,
    subject_id: UUID | None = None,
    collection_id: UUID | None = None,
    dry_run: bool = False,
    by: UUID | None = None,
) -> Reconsidered:
    """What became of assets, each withheld or let back as its grounds now are.

    Of those named, or one person's, or one collection's; in the caller's transaction. ``by`` is
    the ledger's id of whoever caused it. With ``dry_run`` everything is read and nothing written.
    """
    made = Reconsidered()
    with scope.system():
        for ids in _batches(asset_ids, subject_id, collection_id):
            _batch(ids, made, dry_run=dry_run, by=by)
    if not dry_run and not made.nothing:
        logger.info("assets_reconsidered", withheld=len(made.withheld), returned=len(made.returned))
    return made


def would_change(change: Callable[[], Reconsidered]) -> Reconsidered:
    """What ``change`` answers, with everything it wrote undone. It must write to the database only.

    The list is the very one that would take effect now: it is made by doing it.
    """
    with scope.system(), transaction.atomic():
        answer = change()
        transaction.set_rollback(True)
    return answer


def _batches(
    asset_ids: Iterable[UUID] | None, subject_id: UUID | None, collection_id: UUID | None
) -> Iterator[list[UUID]]:
    """Ids in ascending order, some at a time: whoever locks assets does it in this order."""
    if asset_ids is not None:
        wanted = sorted(set(asset_ids))
        for first in range(0, len(wanted), BATCH):
            yield wanted[first : first + BATCH]
        return
    ids: QuerySet[Any, UUID]
    if subject_id is not None:
        rows = AssetSubject.objects.filter(subject=subject_id).order_by("asset_id")
        column = "asset_id"
        ids = rows.values_list("asset_id", flat=True)
    elif collection_id is not None:
        column = "id"
        ids = (
            Asset.objects.filter(collection_id=collection_id, state__in=(*_IN_USE, State.WITHHELD))
            .order_by("id")
            .values_list("id", flat=True)
        )
    else:
        raise TypeError("reconsider what?")
    last: UUID | None = None
    while some := list((ids if last is None else ids.filter(**{f"{column}__gt": last}))[:BATCH]):
        yield some
        last = some[-1]


def _batch(ids: Sequence[UUID], made: Reconsidered, *, dry_run: bool, by: UUID | None) -> None:
    """Locks, then reads what is said: whoever changes it meanwhile waits, and looks again after."""
    rows = Asset.objects.filter(id__in=ids, state__in=(*_IN_USE, State.WITHHELD))
    rows = rows.only(*_READ).order_by("id")
    assets = list(rows if dry_run else rows.select_for_update(of=("self",)))
    found = verdicts_of({asset.pk: asset.collection_id for asset in assets})
    out = [asset for asset in assets if found[asset.pk].reason and _changes(asset, found[asset.pk])]
    back = [asset for asset in assets if not found[asset.pk].reason and _ours(asset)]
    made.withheld += [asset.pk for asset in out if not _ours(asset)]
    made.reasons |= {asset.pk: found[asset.pk].reason for asset in out}
    made.returned += [asset.pk for asset in back]
    made.homes |= {asset.pk: asset.collection_id for asset in (*out, *back)}
    if dry_run:
        return
    _note_grounds([asset for asset in assets if not found[asset.pk].reason], found)
    for reason, some in _by(out, key=lambda asset: found[asset.pk].reason):
        _withhold(some, reason, by=by)
    _return(back, found, by=by)


def _ours(asset: Asset) -> bool:
    """Whether it is withheld for want of a ground, and not for another reason."""
    return asset.state == State.WITHHELD and asset.reason in grounds.REASONS


def _changes(asset: Asset, verdict: Verdict) -> bool:
    return asset.state != State.WITHHELD or asset.reason != verdict.reason


def _note_grounds(assets: Sequence[Asset], found: dict[UUID, Verdict]) -> None:
    """What permits those that are permitted, where that is not what it was."""

    def noted(asset: Asset) -> tuple[str, datetime | None]:
        return found[asset.pk].ground, found[asset.pk].until

    other = [asset for asset in assets if noted(asset) != (asset.ground, asset.permitted_until)]
    for (ground, until), some in _by(other, key=noted):
        Asset.objects.filter(pk__in=[asset.pk for asset in some]).update(
            ground=ground, permitted_until=until
        )


def _withhold(assets: Sequence[Asset], reason: str, *, by: UUID | None) -> None:
    now = timezone.now()
    fields = {
        "reason": reason,
        "reason_detail": grounds.DETAIL[reason],
        "ground": "",
        "permitted_until": None,
        "claim": None,
        "claimed_until": None,
        "claimed_by": "",
        "attempts": 0,
    }
    for state, some in _by(assets, key=lambda asset: (asset.state, _ours(asset))):
        moved: dict[str, Any] = {}
        if state[0] != State.WITHHELD:
            moved = {"state": State.WITHHELD, "state_changed_at": now, "withheld_from": F("state")}
        elif not state[1]:  # as outdated, which is judged again when it returns
            moved = {"withheld_from": State.SEARCHABLE.value}
        Asset.objects.filter(pk__in=[asset.pk for asset in some]).update(**fields, **moved)
    ids = [asset.pk for asset in assets]
    assets_unindex(asset_ids=ids)
    Review.objects.filter(asset_id__in=ids, state=Review.State.OPEN).update(
        state=Review.State.CLOSED, decided_at=now
    )
    _told(assets, "withhold", {"reason": reason}, by=by)
    for asset in assets:
        if asset.state == State.QUARANTINED:  # whose originals are kept for a shorter time
            raw_deadline_set(asset_id=asset.pk)


def _return(assets: Sequence[Asset], found: dict[UUID, Verdict], *, by: UUID | None) -> None:
    judges: dict[UUID, Judge] = {}
    stages: list[tuple[str, UUID]] = []
    for (state, outdated), some in _by(assets, key=lambda asset: _way_back(asset, judges)):
        ids = [asset.pk for asset in some]
        moved: dict[str, Any] = {
            "state": state,
            "state_changed_at": timezone.now(),
            "reason": OUTDATED if state is State.WITHHELD else "",
            "reason_detail": "",
            "withheld_from": "",
            "attempts": 0,
        }
        if outdated:
            moved |= _anew(ids)
        Asset.objects.filter(pk__in=ids).update(**moved)
        if state is not State.WITHHELD:
            stages += [(STAGE_OF[state], pk) for pk in ids]
    _told(assets, "return", {"reason": "ground"}, by=by)
    for stage, asset_id in stages[:QUEUED_AT_ONCE]:
        enqueue_after_commit(stage, asset_id)


def _way_back(asset: Asset, judges: dict[UUID, Judge]) -> tuple[State, bool]:
    """The state an asset returns to, and whether it must be redacted from the beginning."""
    due = _RETURNS.get(State(asset.withheld_from or State.RECEIVED), State.RECEIVED)
    if due is State.RECEIVED or not asset.profile_version:
        return State.RECEIVED, False
    if asset.collection_id not in judges:
        collection = Collection.objects.get(pk=asset.collection_id)
        judges[asset.collection_id] = Judge(profile_of(collection))
    if not judges[asset.collection_id].stricter_than(asset.profile_version):
        return due, False
    if asset.raw_state == RawState.KEPT:
        return State.RECEIVED, True
    return State.WITHHELD, False


def _anew(ids: Sequence[UUID]) -> dict[str, Any]:
    """Leaves nothing of the redaction there was; the fields to set."""
    Segment.objects.filter(asset_id__in=ids).delete()
    for asset_id in ids:
        transaction.on_commit(partial(media.remove_redacted, asset_id), robust=True)
    return {"title": "", "source": "", "metadata": {}, "redactions": [], "profile_version": ""}


def _told(assets: Sequence[Asset], verb: str, payload: dict[str, Any], *, by: UUID | None) -> None:
    """Provenance of each, and one entry in the ledger for each collection."""
    ProvenanceStep.objects.bulk_create(
        ProvenanceStep(asset_id=asset.pk, step=verb, component=COMPONENT, version="1", actor=by)
        for asset in assets
    )
    for collection_id, some in _by(assets, key=lambda asset: asset.collection_id):
        ledger.record(
            event=f"ingest:asset:{verb}",
            actor=by,
            refs={"asset": [asset.pk for asset in some], "collection": collection_id},
            payload=payload,
        )


def _by(
    assets: Iterable[Asset], *, key: Callable[[Asset], Any]
) -> Iterator[tuple[Any, list[Asset]]]:
    """Groups of assets that are alike, each in order of id."""
    keyed = [(key(asset), asset) for asset in assets]
    order = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in keyed))}
    keyed.sort(key=lambda one: order[one[0]])
    for name, some in groupby(keyed, key=lambda one: one[0]):
        yield name, [asset for _, asset in some]


def run_out_rows() -> QuerySet[Asset]:
    """Assets in use whose time is over."""
    return Asset.objects.filter(Q(permitted_until__lte=timezone.now()), state__in=_IN_USE)
