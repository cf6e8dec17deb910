"""Datasets among the stores of an erasure, and the looks at them when people change their minds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.signals import post_save

from audit.subject_models import ConsentRecord, DataSubject
from retrieval import scope
from retrieval.dataset_models import DatasetItem
from retrieval.erasure_stores import FunctionStore, Note, register, register_notes
from retrieval.selectors.datasets import models_trained_on, versions_of
from retrieval.services.datasets import GONE, datasets_mark, datasets_recheck
from retrieval.subject_models import AssetSubject

_WEIGHTS = (
    "what a model learnt from an asset stays in its weights: train it anew without, or remove it"
)


def datasets_register() -> None:
    """Erasure marks items, receipts name models, and a change of consent is followed."""
    register(
        FunctionStore(
            name="dataset versions",
            counts=_count,
            erases=_erase,
            tables=("retrieval_datasetitem",),
        )
    )
    register_notes("datasets", _notes)
    for sender in (ConsentRecord, DataSubject, AssetSubject):
        post_save.connect(_changed, sender=sender, dispatch_uid=f"datasets {sender.__name__}")


def _count(asset_ids: Sequence[UUID], _: Sequence[UUID]) -> int:
    return DatasetItem.objects.filter(asset_id__in=list(asset_ids), gone_at=None).count()


def _erase(asset_ids: Sequence[UUID], _: Sequence[UUID]) -> None:
    datasets_mark(dict.fromkeys(asset_ids, GONE))


def _notes(asset_ids: Sequence[UUID], _: Sequence[UUID]) -> Iterator[Note]:
    models = models_trained_on(versions_of(asset_ids))
    if models:
        yield Note("not_reached", "models trained on it", _WEIGHTS, ids=tuple(models))


def _changed(sender: type[Any], instance: Any, **_: object) -> None:
    """Items of this person's assets are looked at once the change has committed."""
    subject = instance.id if sender is DataSubject else instance.subject

    def look() -> None:
        with scope.system():
            ids = AssetSubject.objects.filter(subject=subject).values_list("asset_id", flat=True)
            held = DatasetItem.objects.filter(asset_id__in=list(ids), gone_at=None)
            assets = set(held.values_list("asset_id", flat=True))
        if assets:
            datasets_recheck(assets)

    # robust: if it fails, the job that would use them looks again, and so does the schedule.
    transaction.on_commit(look, robust=True)
