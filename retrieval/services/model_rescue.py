"""A model in use that cannot be used any more gives way to the starter that ships.

It happens where an upgrade brings a newer starter: the older one's files lay in the program folder
and are gone, or the new program does not know how to load it. Nothing can encode a query for the
old vectors then, so search would be dead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from audit import ledger
from retrieval.encoders.bundle import BUILTIN, BundleError, bundle_folder, manifest_read
from retrieval.encoders.probe import probe_in_child
from retrieval.models import ModelVersion
from retrieval.services.active_file import active_file_write
from retrieval.services.maintained import fence_take
from retrieval.services.reembed import reembed_start

_Status = ModelVersion.Status
_OF_THE_MOMENT = {"too-slow", "crashed"}  # says nothing about the bundle; the next start asks again


@dataclass(frozen=True)
class Rescued:
    """The version that is of no use, and the one in its place; its vectors are on the way."""

    gone: str
    now: str
    why: str


def models_rescue(*, probe: Callable[[Path], None] = probe_in_child) -> list[Rescued]:
    """Puts the shipped starter in the place of an active version of its space that is of no use.

    The starter has to be installed. Its vectors are made from what is stored, so search finds more
    and more; a second call changes nothing. Recorded. A version whose files are gone is of no use,
    and an older starter that ``probe`` refuses; whatever else is left alone, whatever ships.
    """
    starter = _starter()
    if starter is None or starter.status == _Status.ACTIVE:
        return []
    active = ModelVersion.objects.filter(space_id=starter.space_id, status=_Status.ACTIVE).first()
    if active is None:
        return []
    why = _why_of_no_use(active, probe if active.name == starter.name else None)
    if not why:
        return []
    with transaction.atomic():
        fence_take()
        out = ModelVersion.objects.filter(pk=active.pk, status=_Status.ACTIVE)
        if not out.update(status=_Status.RETIRED):
            return []
        ModelVersion.objects.filter(pk=starter.pk).update(status=_Status.ACTIVE)
        ledger.record(
            event="models:version:rescue",
            actor=None,
            refs={"model": starter.ref, "replaced": active.ref},
            payload={"reason": why},
        )
        transaction.on_commit(active_file_write, robust=True)
    reembed_start(ref=starter.ref, by=None)
    return [Rescued(gone=active.ref, now=starter.ref, why=why)]


def _starter() -> ModelVersion | None:
    try:
        manifest = manifest_read(BUILTIN)
    except BundleError:
        return None  # doctor says what is the matter with it
    return ModelVersion.objects.filter(
        name=manifest.name, version=manifest.version, vector_table__isnull=False
    ).first()


def _why_of_no_use(version: ModelVersion, probe: Callable[[Path], None] | None) -> str:
    """Why nothing can be encoded with it any more; empty where it can, or nobody can tell."""
    try:
        folder = bundle_folder(version.ref, models_dir=settings.PATHS.models)
    except BundleError as error:
        return error.reason
    try:
        if probe is not None:
            probe(folder)
    except BundleError as error:
        return "" if error.code in _OF_THE_MOMENT else error.reason
    return ""
