"""Reading which models are installed, and which of them embed and search now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from retrieval.encoders.bundle import bundle_folder
from retrieval.models import Calibration, ModelVersion


@dataclass(frozen=True, kw_only=True)
class ActiveModel:
    """A model version that embeds what comes in and answers searches; its vectors' ``table``."""

    id: UUID
    ref: str
    space: str
    dimension: int
    modalities: tuple[str, ...]
    table: str
    manifest: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where its bundle lies on this machine."""
        return bundle_folder(self.ref, models_dir=settings.PATHS.models)


@dataclass(frozen=True, kw_only=True)
class PairParameters:
    """How similarities of one pair of modalities become probabilities under one model version."""

    model: UUID
    query_modality: str
    target_modality: str
    parameters: dict[str, Any]


def active_models() -> list[ActiveModel]:
    """The active versions that have a vector table, by space; one a space. One query."""
    versions = (
        ModelVersion.objects.filter(status=ModelVersion.Status.ACTIVE, vector_table__isnull=False)
        .select_related("space", "vector_table")
        .order_by("space_id")
    )
    return [
        ActiveModel(
            id=version.id,
            ref=version.ref,
            space=version.space_id,
            dimension=version.space.dimension,
            modalities=tuple(version.modalities),
            table=version.vector_table.table,
            manifest=version.manifest,
        )
        for version in versions
    ]


def calibrations_of(*, models: Iterable[ActiveModel]) -> list[PairParameters]:
    """All calibrations of these model versions. One query."""
    rows = Calibration.objects.filter(model_version_id__in=[model.id for model in models])
    return [
        PairParameters(
            model=row.model_version_id,
            query_modality=row.query_modality,
            target_modality=row.target_modality,
            parameters=row.parameters,
        )
        for row in rows
    ]


def model_list() -> list[ModelVersion]:
    """Every installed version, by name and version, with its space and table. One query."""
    return list(ModelVersion.objects.select_related("space", "vector_table"))
