"""Reading which models are installed, and which of them embed and search now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from retrieval.calibration import PairCalibration
from retrieval.encoders.bundle import BundleError, bundle_folder
from retrieval.models import Calibration, ModelSetVersion, ModelVersion, ReembedJob


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
    manifest_sha256: str = ""

    @property
    def folder(self) -> Path:
        """Where its bundle lies on this machine."""
        return bundle_folder(self.ref, models_dir=settings.PATHS.models)


@dataclass(frozen=True, kw_only=True)
class PairParameters:
    """How similarities of one pair of modalities become probabilities under one model version.

    ``collection``: whose hits it is for; None for all that have no calibration of their own.
    """

    id: int
    model: UUID
    query_modality: str
    target_modality: str
    collection: UUID | None
    parameters: dict[str, Any]
    fitted_on: str
    fitted_at: datetime

    @cached_property
    def curve(self) -> PairCalibration:
        """What the parameters say, read once."""
        return PairCalibration.from_json(self.parameters)


@dataclass(frozen=True, kw_only=True)
class ModelReach:
    """One version, and the collections that are searched with it."""

    model: ActiveModel
    collections: tuple[UUID, ...]


def active_models() -> list[ActiveModel]:
    """The active versions that have a vector table, by space; one a space. One query."""
    return [active_model(version) for version in _versions(Q(status=ModelVersion.Status.ACTIVE))]


def models_for(model_sets: Mapping[UUID, str]) -> list[ModelReach]:
    """By space, every version that some of these collections use, each with its collections.

    ``model_sets`` is the set that each collection names. A collection has one version a space: its
    set's, or else the active one. An active version that no collection uses is not among them,
    unless there is no collection at all. One query, so one moment.
    """
    active = Q(status=ModelVersion.Status.ACTIVE)
    named = Q(in_sets__model_set__in=set(model_sets.values()))
    chosen: dict[str | None, dict[str, UUID]] = {}  # set -> space -> version
    default: dict[str, UUID] = {}
    found: dict[UUID, ModelVersion] = {}
    for version in _versions(active | named).annotate(in_set=F("in_sets__model_set")):
        found[version.pk] = version
        if version.status == ModelVersion.Status.ACTIVE:
            default[version.space_id] = version.pk
        chosen.setdefault(version.in_set, {})[version.space_id] = version.pk
    users: dict[UUID, list[UUID]] = {} if model_sets else {pk: [] for pk in default.values()}
    for collection, name in model_sets.items():
        for pk in (default | chosen.get(name, {})).values():
            users.setdefault(pk, []).append(collection)
    return [
        ModelReach(model=active_model(version), collections=tuple(users[pk]))
        for pk, version in found.items()
        if pk in users
    ]


def maintained_models() -> list[ActiveModel]:
    """What comes in is embedded under all of these, so that their tables stay complete.

    The active versions, those that a model set names, those whose re-embedding has begun and was
    not given up, and the retired ones, to which a rollback goes back at once. A version that nobody
    searches with and whose files are gone is left out. One query.
    """
    status = ModelVersion.Status
    begun = ReembedJob.objects.filter(
        model_version=OuterRef("pk"),
        state__in=[ReembedJob.State.RUNNING, ReembedJob.State.PAUSED, ReembedJob.State.DONE],
    )
    named = ModelSetVersion.objects.filter(version=OuterRef("pk"))
    wanted = Q(status__in=[status.ACTIVE, status.RETIRED]) | Exists(named) | Exists(begun)
    versions = _versions(wanted).annotate(named=Exists(named))
    return [
        model
        for model, in_use in (
            (active_model(v), v.named or v.status == status.ACTIVE) for v in versions
        )
        if in_use or _there(model)
    ]


def model_by_ref(ref: str) -> ActiveModel | None:
    """An installed version that has a vector table, whatever its status. One query."""
    name, _, version = ref.partition("@")
    return next((active_model(v) for v in _versions(Q(name=name, version=version))), None)


def _versions(which: Q) -> QuerySet[ModelVersion]:
    rows = ModelVersion.objects.filter(which, vector_table__isnull=False)
    return rows.select_related("space", "vector_table").order_by("space_id", "pk")


def _there(model: ActiveModel) -> bool:
    try:
        return model.folder is not None
    except BundleError:
        return False


def active_model(version: ModelVersion) -> ActiveModel:
    """What searching and embedding need of a version that has a vector table."""
    return ActiveModel(
        id=version.pk,
        ref=version.ref,
        space=version.space_id,
        dimension=version.space.dimension,
        modalities=tuple(version.modalities),
        table=version.vector_table.table,
        manifest=version.manifest,
        manifest_sha256=version.manifest_sha256,
    )


def calibrations_of(
    *, models: Iterable[ActiveModel], collections: Iterable[UUID] = ()
) -> list[PairParameters]:
    """The calibrations in force of these versions, and those of these collections. One query."""
    rows = Calibration.objects.filter(
        Q(collection=None) | Q(collection__in=list(collections)),
        model_version_id__in=[model.id for model in models],
        status=Calibration.Status.ACTIVE,
    )
    return [pair_of_row(row) for row in rows]


def pair_of_row(row: Calibration) -> PairParameters:
    """What searching needs of a calibration."""
    return PairParameters(
        id=row.pk,
        model=row.model_version_id,
        query_modality=row.query_modality,
        target_modality=row.target_modality,
        collection=row.collection_id,
        parameters=row.parameters,
        fitted_on=row.fitted_on,
        fitted_at=row.created_at,
    )


def model_list() -> list[ModelVersion]:
    """Every installed version, by name and version, with its space and table. One query."""
    return list(ModelVersion.objects.select_related("space", "vector_table"))
