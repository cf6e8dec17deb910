"""A shipped starter whose calibration is new, in place of the one that is installed.

The towers are the same, so every vector stays as good as it was and nothing is embedded again; only
what similarities are worth is said anew. An upgrade brings it, and set-up puts it in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit import ledger
from retrieval import scope
from retrieval.models import Calibration, Collection, ModelVersion
from retrieval.services.bundles import Bundle, bundle_place
from retrieval.services.maintained import fence_take

# What a bundle says about its towers, without being any of them.
_ABOUT = frozenset({"MODEL_CARD.md", "calibration.json", "reference.safetensors"})
_Status = Calibration.Status


def same_towers(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two manifests (parsed JSON) describe the same towers: same files, same settings."""
    return all(one.get(key) == other.get(key) for key in ("space", "dimension", "towers")) and (
        _files(one) == _files(other)
    )


def version_refresh(version: ModelVersion, bundle: Bundle) -> ModelVersion:
    """``version`` with the files and the calibrations of ``bundle``, which has the same towers.

    What was fitted or promoted here for the old ones is retired: it rests on reference vectors that
    are replaced. Recorded.
    """
    with scope.system(), transaction.atomic():
        fence_take()
        mine = Calibration.objects.filter(model_version=version)
        fitted_here = mine.exclude(provenance={}).count()
        of_collections = mine.exclude(collection=None)
        theirs = set(of_collections.values_list("collection_id", flat=True))
        of_collections.update(status=_Status.RETIRED)
        left = Calibration.objects.filter(status=_Status.ACTIVE, collection__in=theirs)
        still = set(left.values_list("collection_id", flat=True))
        Collection.objects.filter(id__in=theirs - still).update(calibrated=False)
        mine.filter(collection=None).delete()
        for pair in bundle.pairs:
            pair.model_version = version
        Calibration.objects.bulk_create(bundle.pairs)
        version.manifest, version.manifest_sha256 = bundle.manifest, bundle.sha256
        version.save(update_fields=["manifest", "manifest_sha256"])
        ledger.record(
            event="models:bundle:refresh",
            actor=None,
            refs={"model": version.ref, "sha256": bundle.sha256},
            payload={"fitted_here": fitted_here, "collections": len(theirs)},
        )
        # Last, so that a crash leaves either the old row, and the next start begins anew, or both.
        bundle_place(bundle)
    return version


def _files(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The hashes of what towers are made of."""
    return {name: sha for name, sha in manifest["files"].items() if name not in _ABOUT}
