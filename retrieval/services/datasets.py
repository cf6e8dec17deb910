"""Which assets may be trained on: versions of datasets, and what no longer may be of them.

A version is a list of ids. The files are put together when a job begins (``dataset_files``), out of
what may be used at that moment, and are gone with it; so erasing an asset leaves nothing of it in
any dataset, and a withdrawal takes effect in the very next job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from audit import ledger
from retrieval import scope
from retrieval.dataset_models import Dataset, DatasetItem, DatasetVersion
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import Asset, Collection
from retrieval.selectors import grounds
from retrieval.states import State

logger = structlog.get_logger("vitrine.datasets")

MODALITIES = ("image", "audio")  # those that ``align`` trains towers for
TRAINING = "training"
GONE = "erased"
_AT_ONCE = 2_000
_GONE_STATES = {State.ERASED: GONE, State.PURGED: "purged", State.REJECTED: "rejected"}


@dataclass(frozen=True)
class Usable:
    """Ids of assets that may be trained on now, and why how many others may not."""

    ids: list[UUID]
    left_out: dict[str, int]


def dataset_build(
    *, collection_id: UUID, name: str, modality: str = "image", by: UUID | None = None
) -> DatasetVersion:
    """A new version of the dataset ``name``: what of the collection may be trained on now.

    ``by`` is the ledger's id of whoever asked.

    Raises:
        Invalid: no such modality, or no name a dataset can have.
        NotVisible: no such collection.
        Conflict: nothing may be used, or the name belongs to another collection's dataset.
    """
    if modality not in MODALITIES:
        raise Invalid(f"A dataset is of one modality: {' or '.join(MODALITIES)}.")
    with scope.system():
        if not Collection.objects.filter(id=collection_id).exists():
            raise NotVisible("There is no such collection.")
        dataset = _dataset(collection_id, name)
        wanted = Asset.objects.filter(
            collection_id=collection_id, state=State.SEARCHABLE, modality=modality
        ).order_by("id")
        usable = usable_now(list(wanted.values_list("id", flat=True)))
        if not usable.ids:
            reasons = ", ".join(f"{why}: {n}" for why, n in sorted(usable.left_out.items()))
            raise Conflict(f"No {modality} of the collection may be used ({reasons or 'empty'}).")
        last = dataset.versions.aggregate(last=Max("number"))["last"] or 0
        version = DatasetVersion.objects.create(
            dataset=dataset,
            number=last + 1,
            modality=modality,
            size=len(usable.ids),
            left_out=usable.left_out,
            built_by=by,
        )
        profiles = dict(
            Asset.objects.filter(id__in=usable.ids).values_list("id", "profile_version")
        )
        DatasetItem.objects.bulk_create(
            [
                DatasetItem(version=version, asset_id=one, profile_version=profiles.get(one, ""))
                for one in usable.ids
            ],
            batch_size=_AT_ONCE,
        )
        ledger.record(
            event="dataset:version:build",
            actor=by,
            refs={"collection": collection_id, "dataset": dataset.id, "version": version.id},
            payload={"size": version.size, "left_out": usable.left_out},
        )
    return version


def _dataset(collection_id: UUID, name: str) -> Dataset:
    """The dataset of that name, locked; made where there is none."""
    if not name or len(name) > 64 or not name.replace("-", "").replace("_", "").isalnum():  # noqa: PLR2004 - the column's length
        raise Invalid("A dataset's name is up to 64 letters, digits, dashes and underscores.")
    try:
        with transaction.atomic():
            Dataset.objects.get_or_create(name=name, defaults={"collection_id": collection_id})
    except IntegrityError:
        pass  # another process made it in this moment
    dataset = Dataset.objects.select_for_update().get(name=name)
    if dataset.collection_id != collection_id:
        raise Conflict("Another collection's dataset has this name.")
    return dataset


def usable_now(asset_ids: Sequence[UUID]) -> Usable:
    """Which of these assets may be trained on now. Inside ``scope.system``."""
    why = reasons_now(asset_ids)
    return Usable(
        ids=[one for one in asset_ids if one not in why],
        left_out=dict(sorted(Counter(why.values()).items())),
    )


def reasons_now(asset_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Why assets may not be trained on now, by code; absent: they may. Inside ``scope.system``.

    Beside what the people in them say: only what is searchable is used, and nothing whose
    permission has run out.
    """
    now = timezone.now()
    why: dict[UUID, str] = {}
    for first in range(0, len(asset_ids), _AT_ONCE):
        some = asset_ids[first : first + _AT_ONCE]
        rows = {
            pk: (state, until)
            for pk, state, until in Asset.objects.filter(id__in=some).values_list(
                "id", "state", "permitted_until"
            )
        }
        for one in some:
            state, until = rows.get(one, (State.ERASED, None))
            if state != State.SEARCHABLE:
                why[one] = _GONE_STATES.get(State(state), str(state))
            elif until is not None and until <= now:
                why[one] = "consent-expired"
        why |= {k: v for k, v in grounds.forbidden(some, TRAINING).items() if k not in why}
    return why


def datasets_mark(reasons: Mapping[UUID, str]) -> int:
    """How many items were marked as no longer usable, with their versions. Inside ``scope.system``.

    A mark stays: what may be used again later is in a new version.
    """
    items = DatasetItem.objects.filter(asset_id__in=list(reasons), gone_at=None)
    rows = list(items.select_for_update().values_list("id", "asset_id", "version_id"))
    now = timezone.now()
    for reason in set(reasons.values()):
        ids = [pk for pk, asset_id, _ in rows if reasons[asset_id] == reason]
        DatasetItem.objects.filter(id__in=ids).update(gone_at=now, gone_reason=reason)
    marked = Counter(version_id for _, _, version_id in rows)
    for version in DatasetVersion.objects.filter(id__in=list(marked)).select_related("dataset"):
        if version.stale_at is None:
            DatasetVersion.objects.filter(id=version.id).update(stale_at=now)
        ledger.record(
            event="dataset:version:mark",
            actor=None,
            refs={
                "collection": version.dataset.collection_id,
                "dataset": version.dataset_id,
                "version": version.id,
            },
            payload={"items": marked[version.id]},
        )
    return len(rows)


def datasets_recheck(asset_ids: Iterable[UUID] | None = None) -> int:
    """How many items were marked now: of these assets, or of all that any version holds.

    Marked is what a person forbids and what is gone for good; what is only being redacted anew is
    left out of a job that begins now, and not marked.
    """
    marked = 0
    with scope.system():
        living = DatasetItem.objects.filter(gone_at=None)
        if asset_ids is not None:
            living = living.filter(asset_id__in=list(asset_ids))
        wanted = sorted(set(living.values_list("asset_id", flat=True)))
        for first in range(0, len(wanted), _AT_ONCE):
            some = wanted[first : first + _AT_ONCE]
            marked += datasets_mark(_lasting(some))
    if marked:
        logger.info("dataset_items_marked", count=marked)
    return marked


def _lasting(asset_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Of the reasons not to train on assets those that do not pass by themselves."""
    forbidden = grounds.forbidden(asset_ids, TRAINING)
    gone = set(_GONE_STATES.values())
    now = reasons_now(asset_ids)
    return {k: forbidden.get(k, v) for k, v in now.items() if k in forbidden or v in gone}
