"""Installing and removing encoder bundles: verified, given a vector table, catalogued, recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from audit import ledger
from retrieval.calibration import PairCalibration
from retrieval.encoders.bundle import BUILTIN, BundleError, bundle_folder, verify_bundle
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import Calibration, ModelVersion, Space, VectorTable
from retrieval.selectors.models import ActiveModel, active_models
from retrieval.vectors import ddl
from retrieval.vectors.shards import SHARED_SHARDS

__all__ = ["ActiveModel", "active_models", "model_install", "model_remove", "model_verify"]

_FITTED_ON_LENGTH = 300
BUILTIN_REASON = "Comes with the appliance; its hashes are in the repository."


@dataclass(frozen=True)
class _Bundle:
    """A verified bundle: its manifest, the SHA-256 of that, and its calibrations."""

    folder: Path
    manifest: dict[str, Any]
    sha256: str
    pairs: list[Calibration]

    @property
    def ref(self) -> str:
        return f"{self.manifest['name']}@{self.manifest['version']}"


def model_install(
    source: Path | Literal["builtin"], *, actor: UUID | None = None, unsigned_reason: str = ""
) -> ModelVersion:
    """The installed version, active if it is the first of its space. Twice changes nothing.

    The bundle is checked against its hashes, and its copy again. Makes the vector table as the
    owner.

    Raises:
        Invalid: the bundle does not verify, or is unsigned and no reason says why it is trusted.
        Conflict: other content is installed under this name and version, or the space has another
        dimension. Unavailable: the owner's login is not known here.
    """
    builtin = source == "builtin"
    folder = BUILTIN if builtin else Path(source)
    bundle = _verified(folder)
    there = ModelVersion.objects.filter(
        name=bundle.manifest["name"], version=bundle.manifest["version"]
    ).first()
    if there is not None and there.manifest_sha256 != bundle.sha256:
        raise Conflict(f"Another bundle is installed as {bundle.ref}; give it another version.")
    reason = BUILTIN_REASON if builtin else unsigned_reason.strip()
    if not reason:
        raise Invalid("The bundle is not signed.", fields={"reason": ["Say why to trust it."]})
    if not builtin:
        _copy(bundle)
    table = ddl.table_name(bundle.ref)
    if not VectorTable.objects.filter(table=table).exists():
        ddl.create_table(table=table, dimension=int(bundle.manifest["dimension"]))
    return there or _catalogue(bundle, table, reason, actor)


def model_verify(*, ref: str) -> None:
    """Nothing, if the installed bundle is still what was installed.

    Raises:
        NotVisible: no such version.
        Invalid: a file is missing or not what the manifest says, or the manifest is another one.
    """
    version = _find(ref)
    bundle = _verified(bundle_folder(ref, models_dir=settings.PATHS.models))
    if bundle.sha256 != version.manifest_sha256:
        raise Invalid(f"The manifest of {ref} is not the one that was installed.")


def model_remove(*, ref: str, actor: UUID | None = None) -> None:
    """Takes a version away with its vectors and, unless it is built in, its files.

    Raises:
        NotVisible: no such version.
        Conflict: it is active.
    """
    version = _find(ref)
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().get(pk=version.pk)
        if version.status == ModelVersion.Status.ACTIVE:
            raise Conflict(f"{ref} is active; another version has to take its place first.")
        version.delete()
        ledger.record(event="models:bundle:remove", actor=actor, refs={"model": ref})
    # What a crash leaves here is named by doctor: a table, a folder that no row knows.
    ddl.drop_table(table=ddl.table_name(ref))
    folder = settings.PATHS.models / ref
    if folder.is_dir():
        shutil.rmtree(folder)


def _find(ref: str) -> ModelVersion:
    name, _, version = ref.partition("@")
    found = ModelVersion.objects.filter(name=name, version=version).first()
    if found is None:
        raise NotVisible("No such model is installed.")
    return found


def _verified(folder: Path) -> _Bundle:
    try:
        verify_bundle(folder)
    except BundleError as error:
        raise Invalid(f"The bundle cannot be used: {error.reason}") from None
    manifest = (folder / "manifest.json").read_bytes()
    return _Bundle(
        folder, json.loads(manifest), hashlib.sha256(manifest).hexdigest(), _calibrations(folder)
    )


def _calibrations(folder: Path) -> list[Calibration]:
    """A row, not saved, for every pair that ``calibration.json`` names; none without the file."""
    path = folder / "calibration.json"
    if not path.is_file():
        return []
    try:
        pairs = [
            Calibration(
                query_modality=str(pair["query_modality"]),
                target_modality=str(pair["target_modality"]),
                parameters=PairCalibration.from_json(pair["parameters"]).to_json(),
                fitted_on=str(pair.get("fitted_on", ""))[:_FITTED_ON_LENGTH],
            )
            for pair in json.loads(path.read_bytes())["pairs"]
        ]
    except (KeyError, TypeError, ValueError):
        raise Invalid("The bundle cannot be used: its calibration.json is malformed.") from None
    if len({(pair.query_modality, pair.target_modality) for pair in pairs}) != len(pairs):
        raise Invalid("The bundle cannot be used: it calibrates a pair twice.")
    return pairs


def _copy(bundle: _Bundle) -> None:
    """The files in the appliance's folder, verified there, under their final name at once."""
    target = settings.PATHS.models / bundle.ref
    if target.is_dir():
        if _verified(target).sha256 == bundle.sha256:
            return
        raise Conflict(f"A folder of another bundle lies where {bundle.ref} belongs.")
    part = settings.PATHS.models / f".{uuid4().hex}.part"
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        shutil.copytree(bundle.folder, part, symlinks=True)
        if _verified(part).sha256 != bundle.sha256:
            raise Invalid("The bundle changed while it was copied.")
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@transaction.atomic
def _catalogue(bundle: _Bundle, table: str, reason: str, actor: UUID | None) -> ModelVersion:
    manifest = bundle.manifest
    space, _ = Space.objects.get_or_create(
        name=manifest["space"], defaults={"dimension": manifest["dimension"]}
    )
    if space.dimension != manifest["dimension"]:
        raise Conflict(
            f"The space {space.name} has dimension {space.dimension}, not {manifest['dimension']}."
        )
    taken = space.versions.filter(status=ModelVersion.Status.ACTIVE).exists()
    version = ModelVersion.objects.create(
        name=manifest["name"],
        version=manifest["version"],
        space=space,
        status=ModelVersion.Status.INSTALLED if taken else ModelVersion.Status.ACTIVE,
        modalities=sorted(manifest["towers"]),
        manifest=manifest,
        manifest_sha256=bundle.sha256,
        signed=False,
        unsigned_reason=reason,
    )
    VectorTable.objects.create(
        model_version=version, table=table, dimension=space.dimension, shards=SHARED_SHARDS
    )
    for pair in bundle.pairs:
        pair.model_version = version
    Calibration.objects.bulk_create(bundle.pairs)
    ledger.record(
        event="models:bundle:install",
        actor=actor,
        refs={"model": version.ref, "sha256": bundle.sha256},
        payload={"reason": reason, "status": version.status},
    )
    return version
