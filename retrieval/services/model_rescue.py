"""A model in use whose files are gone gives way to the starter that ships, and search goes on.

It happens where an older appliance used the starter from its own program folder, and an upgrade put
a newer one there: nothing can encode a query for the old vectors any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from audit import ledger
from retrieval.encoders.bundle import BUILTIN, BundleError, bundle_folder, manifest_read
from retrieval.models import ModelVersion
from retrieval.services.active_file import active_file_write
from retrieval.services.maintained import fence_take
from retrieval.services.reembed import reembed_start

_Status = ModelVersion.Status


@dataclass(frozen=True)
class Rescued:
    """The version that was out of order, and the one in its place; its vectors are on the way."""

    gone: str
    now: str


def models_rescue() -> list[Rescued]:
    """Puts the shipped starter in the place of active versions of its space without files.

    It has to be installed. Its vectors are made from what is stored, so search finds more and more;
    a second call changes nothing. Recorded. What has its files is left alone, whatever ships.
    """
    starter = _starter()
    if starter is None or starter.status == _Status.ACTIVE:
        return []
    active = ModelVersion.objects.filter(space_id=starter.space_id, status=_Status.ACTIVE)
    gone = next((version for version in active if not _has_files(version.ref)), None)
    if gone is None:
        return []
    with transaction.atomic():
        fence_take()
        out = ModelVersion.objects.filter(pk=gone.pk, status=_Status.ACTIVE)
        if not out.update(status=_Status.RETIRED):
            return []
        ModelVersion.objects.filter(pk=starter.pk).update(status=_Status.ACTIVE)
        ledger.record(
            event="models:version:rescue",
            actor=None,
            refs={"model": starter.ref, "replaced": gone.ref},
            payload={"reason": f"The files of {gone.ref} are gone."},
        )
        transaction.on_commit(active_file_write, robust=True)
    reembed_start(ref=starter.ref, by=None)
    return [Rescued(gone=gone.ref, now=starter.ref)]


def _starter() -> ModelVersion | None:
    try:
        manifest = manifest_read(BUILTIN)
    except BundleError:
        return None  # doctor says what is the matter with it
    return ModelVersion.objects.filter(
        name=manifest.name, version=manifest.version, vector_table__isnull=False
    ).first()


def _has_files(ref: str) -> bool:
    try:
        bundle_folder(ref, models_dir=settings.PATHS.models)
    except BundleError:
        return False
    return True
