"""Datasets as they are told, and which models were trained on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Count, Q

from retrieval import scope
from retrieval.dataset_models import DatasetItem, DatasetVersion
from retrieval.models import ModelVersion


def versions_list() -> list[DatasetVersion]:
    """Every version, newest first, with ``gone``: how many items may not be used any more."""
    with scope.system():
        rows = DatasetVersion.objects.select_related("dataset", "dataset__collection")
        return list(
            rows.annotate(gone=Count("items", filter=Q(items__gone_at__isnull=False))).order_by(
                "dataset__name", "-number"
            )
        )


def gone_items(version_id: UUID) -> list[tuple[UUID, str]]:
    """Assets of a version that may not be used any more, each with the reason's code."""
    with scope.system():
        rows = DatasetItem.objects.filter(version_id=version_id, gone_at__isnull=False)
        return list(rows.values_list("asset_id", "gone_reason"))


def models_trained_on(version_ids: Iterable[UUID]) -> list[str]:
    """Refs of installed models whose manifests say that they were trained on any of these."""
    wanted = Q()
    for version_id in version_ids:
        wanted |= Q(manifest__training__contains=[{"id": str(version_id)}])
    if not wanted:
        return []
    return [model.ref for model in ModelVersion.objects.filter(wanted).order_by("name", "version")]


def versions_of(asset_ids: Sequence[UUID]) -> list[UUID]:
    """Ids of versions that hold, or held, any of these assets. Inside ``scope.system``."""
    rows = DatasetItem.objects.filter(asset_id__in=list(asset_ids)).order_by("version_id")
    return list(rows.values_list("version_id", flat=True).distinct())
