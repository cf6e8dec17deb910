"""Installing and removing encoder bundles: verified, given a vector table, catalogued, recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from audit import ledger
from retrieval.encoders.bundle import BUILTIN, bundle_folder
from retrieval.encoders.errors import BundleError
from retrieval.encoders.probe import probe_in_child
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.models import Calibration, ModelVersion, ReembedJob, Space, VectorTable
from retrieval.selectors.models import ActiveModel, active_models
from retrieval.services.bundles import (
    Bundle,
    bundle_files_remove,
    bundle_in_place,
    bundle_place,
    bundle_read,
    bundle_sign,
    bundle_staged,
    one_installation,
)
from retrieval.services.maintained import fence_take
from retrieval.services.model_refresh import same_towers, version_refresh
from retrieval.vectors import ddl
from retrieval.vectors.shards import SHARED_SHARDS

__all__ = ["ActiveModel", "active_models", "model_install", "model_remove", "model_verify"]

BUILTIN_REASON = "Comes with the appliance; its hashes are in the repository."
_REASON_LENGTH = 300


def model_install(
    source: Path | Literal["builtin"],
    *,
    actor: UUID | None = None,
    unsigned_reason: str = "",
    probe: Callable[[Path], None] = probe_in_child,
) -> ModelVersion:
    """The installed version, active if the appliance had no model before. Twice changes nothing.

    ``source`` is a bundle's folder, an uncompressed tar of one, or ``"builtin"``. It is copied, the
    copy is checked against its hashes, its signature and for anything that leads to code, and
    ``probe`` tries every tower. Makes the vector table as the owner.

    Raises:
        Invalid: the bundle cannot be used, or nobody trusted signed it and no reason says why to
        take it nevertheless. Conflict: other content is installed under this name and version, or
        the space has another dimension. Unavailable: the owner's login is not known here.
    """
    builtin = source == "builtin"
    reason = (BUILTIN_REASON if builtin else unsigned_reason.strip())[:_REASON_LENGTH]
    with one_installation():
        if builtin and (there := _installed_starter()) is not None:
            return there
        with bundle_staged(BUILTIN if builtin else Path(source)) as bundle:
            _admit(bundle, reason)
            if builtin and (there := _older_twin(bundle)) is not None:
                return version_refresh(there, bundle)
            return _installed(bundle, reason, actor, _trusted if builtin else probe)


def model_verify(*, ref: str) -> str:
    """The signer's fingerprint, empty if unsigned, if the bundle is still what was installed.

    Raises:
        NotVisible: no such version.
        Invalid: a file is missing or not what the manifest says, the manifest is another one, or
            its signer is not trusted any more.
    """
    version = _find(ref)
    try:
        folder = bundle_folder(ref, models_dir=settings.PATHS.models)
    except BundleError as error:
        raise Invalid(f"The files of {ref} are gone: {error.reason}") from None
    bundle = bundle_read(folder)
    if bundle.sha256 != version.manifest_sha256:
        raise Invalid(f"The manifest of {ref} is not the one that was installed.")
    if version.signed and (bundle.signed.key != version.signer or not bundle.signed.trusted):
        raise Invalid(
            f"{ref} was signed by {version.signer[:16]}, whose key is not trusted any more."
        )
    return version.signer if version.signed else ""


def model_remove(*, ref: str, actor: UUID | None = None) -> None:
    """Takes a version away with its vectors, its files and what was fitted for it.

    A retired version can then not be rolled back to.

    Raises:
        NotVisible: no such version.
        Conflict: it is active, some collection uses it, or it is being re-embedded.
    """
    version = _find(ref)
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().get(pk=version.pk)
        if version.status == ModelVersion.Status.ACTIVE:
            raise Conflict(f"{ref} is active; another version has to take its place first.")
        running = ReembedJob.objects.filter(model_version=version, state=ReembedJob.State.RUNNING)
        if running.exists():
            raise Conflict(f"{ref} is being re-embedded; cancel that first.")
        try:
            version.delete()
        except ProtectedError:
            raise Conflict(f"Some collection uses {ref}; take it out of its model set.") from None
        ledger.record(event="models:bundle:remove", actor=actor, refs={"model": ref})
    # What a crash leaves here is named by doctor: a table, a folder that no row knows.
    ddl.drop_table(table=ddl.table_name(ref))
    bundle_files_remove(ref)


def _installed_starter() -> ModelVersion | None:
    """The row of the starter that ships, if it is installed and its copy is whole."""
    bundle = bundle_read(BUILTIN)
    there = None if _older_twin(bundle) is not None else _row(bundle)
    if there is None or not bundle_in_place(bundle):
        return None
    return there if VectorTable.objects.filter(model_version=there).exists() else None


def _older_twin(bundle: Bundle) -> ModelVersion | None:
    """What is installed as this starter with the same towers, but calibrated otherwise."""
    there = ModelVersion.objects.filter(name=bundle.form.name, version=bundle.form.version).first()
    if there is None or there.manifest_sha256 == bundle.sha256:
        return None
    return there if same_towers(there.manifest, bundle.manifest) else None


def _admit(bundle: Bundle, reason: str) -> None:
    """Nothing, if somebody trusted signed the bundle, or a reason says why to take it."""
    if bundle.signed.trusted or reason:
        return
    if bundle.signed.key:
        raise Invalid(
            f"The bundle was signed by {bundle.signed.key}, whose key is not trusted here.",
            fields={"reason": ["Trust the key, or say why to take it: --unsigned --reason WHY."]},
        )
    raise Invalid(
        "The bundle is not signed.",
        fields={"reason": ["Say why to trust it: --unsigned --reason WHY."]},
    )


def _installed(
    bundle: Bundle, reason: str, actor: UUID | None, probe: Callable[[Path], None]
) -> ModelVersion:
    there, whole = _row(bundle), bundle_in_place(bundle)
    if not whole:
        try:
            probe(bundle.folder)
        except BundleError as error:
            raise Invalid(f"The bundle cannot be used: {error.reason}") from None
    if there is None:
        _space_check(bundle)
    table = ddl.table_name(bundle.ref)
    if not VectorTable.objects.filter(table=table).exists():
        ddl.create_table(table=table, dimension=bundle.form.dimension)
    if there is not None and bundle.signed.trusted and not there.signed and whole:
        bundle_sign(bundle)
        return _vouched(there, bundle, actor)
    if not whole:
        bundle_place(bundle)
    return there or _catalogue(bundle, table, reason, actor)


def _row(bundle: Bundle) -> ModelVersion | None:
    there = ModelVersion.objects.filter(name=bundle.form.name, version=bundle.form.version).first()
    if there is not None and there.manifest_sha256 != bundle.sha256:
        raise Conflict(f"Another bundle is installed as {bundle.ref}; give it another version.")
    return there


def _find(ref: str) -> ModelVersion:
    name, _, version = ref.partition("@")
    found = ModelVersion.objects.filter(name=name, version=version).first()
    if found is None:
        raise NotVisible("No such model is installed.")
    return found


def _trusted(_: Path) -> None:
    """The starter is not tried: it comes with the code that loads it."""


def _space_check(bundle: Bundle) -> None:
    space = Space.objects.filter(name=bundle.form.space).first()
    if space is not None and space.dimension != bundle.form.dimension:
        raise Conflict(
            f"The space {space.name} has dimension {space.dimension}, not {bundle.form.dimension}."
        )


@transaction.atomic
def _catalogue(bundle: Bundle, table: str, reason: str, actor: UUID | None) -> ModelVersion:
    fence_take()
    space, _ = Space.objects.get_or_create(
        name=bundle.form.space, defaults={"dimension": bundle.form.dimension}
    )
    # Only an appliance without any model takes one at once: every other has vectors to make and
    # figures to show first.
    taken = ModelVersion.objects.filter(status=ModelVersion.Status.ACTIVE).exists()
    version = ModelVersion.objects.create(
        name=bundle.form.name,
        version=bundle.form.version,
        space=space,
        status=ModelVersion.Status.INSTALLED if taken else ModelVersion.Status.ACTIVE,
        modalities=sorted(bundle.form.towers),
        manifest=bundle.manifest,
        manifest_sha256=bundle.sha256,
        signed=bundle.signed.trusted,
        signer=bundle.signed.key if bundle.signed.trusted else "",
        unsigned_reason="" if bundle.signed.trusted else reason,
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
        refs={"model": version.ref, "sha256": bundle.sha256, **_signer(version)},
        payload={"reason": version.unsigned_reason, "status": version.status},
    )
    return version


@transaction.atomic
def _vouched(version: ModelVersion, bundle: Bundle, actor: UUID | None) -> ModelVersion:
    """The version, installed unsigned and signed since."""
    version.signed, version.signer = True, bundle.signed.key
    version.save(update_fields=["signed", "signer"])
    ledger.record(
        event="models:bundle:sign",
        actor=actor,
        refs={"model": version.ref, "sha256": bundle.sha256, **_signer(version)},
    )
    return version


def _signer(version: ModelVersion) -> dict[str, str]:
    return {"key": version.signer} if version.signed else {}
