"""Which collections use other versions than the active ones."""

from __future__ import annotations

from uuid import UUID

from retrieval import scope
from retrieval.errors import Conflict, NotVisible
from retrieval.models import Collection, ModelSet, ModelSetVersion, ModelVersion
from retrieval.services.maintained import fence_take

DEFAULT = "default"
_OWN = "collection-"


def model_set_override(
    *, collection_id: UUID, version: ModelVersion | None, space: str | None = None
) -> ModelVersion | None:
    """Makes the collection use ``version`` in its space, or again the active one of ``space``.

    What it used there by its set before; None if that was the active version. From the commit on
    uploads to any collection are embedded under ``version`` too. Whoever calls has decided that
    this may be, that the table is complete, and records it.

    Raises:
        NotVisible: no such collection. Conflict: ``version`` has no vector table.
    """
    if (version is None) == (space is None):
        raise ValueError("name either a version or a space to go back in")
    if version is not None and not hasattr(version, "vector_table"):
        raise Conflict(f"{version.ref} has no vector table.")
    wanted = space or (version.space_id if version is not None else "")
    with scope.system():
        fence_take()
        collection = Collection.objects.select_for_update().filter(pk=collection_id).first()
        if collection is None:
            raise NotVisible("There is no such collection.")
        own = _own_set(collection)
        entries = ModelSetVersion.objects.filter(model_set=own, space=wanted)
        before = entries.select_related("version").first()
        entries.delete()
        if version is not None:
            ModelSetVersion.objects.create(model_set=own, space_id=wanted, version=version)
        any_left = ModelSetVersion.objects.filter(model_set=own).exists()
        name = own.name if any_left else DEFAULT
        Collection.objects.filter(pk=collection_id).update(model_set=name)
        unused_sets_delete()
    return before.version if before is not None else None


def unused_sets_delete() -> None:
    """Takes away the sets of single collections that no collection names any more.

    Inside ``scope.system``.
    """
    used = Collection.objects.values_list("model_set", flat=True)
    ModelSet.objects.filter(name__startswith=_OWN).exclude(name__in=list(used)).delete()


def _own_set(collection: Collection) -> ModelSet:
    """The set of this collection alone; at first it holds what its present set holds."""
    own, made = ModelSet.objects.get_or_create(name=f"{_OWN}{collection.pk}")
    if made:
        shared = ModelSetVersion.objects.filter(model_set=collection.model_set)
        ModelSetVersion.objects.bulk_create(
            ModelSetVersion(model_set=own, space_id=one.space_id, version_id=one.version_id)
            for one in shared
        )
    return own
