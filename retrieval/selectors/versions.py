"""Finding installed model versions, and what was measured of them."""

from __future__ import annotations

from uuid import UUID

from retrieval.errors import NotVisible
from retrieval.models import ModelVersion

_NONE = "No such model is installed."


def version_by_ref(ref: str) -> ModelVersion:
    """The installed version ``name@version``, with its space and table. One query.

    Raises:
        NotVisible: there is none.
    """
    name, _, version = ref.partition("@")
    rows = ModelVersion.objects.select_related("space", "vector_table")
    found = rows.filter(name=name, version=version).first()
    if found is None:
        raise NotVisible(_NONE)
    return found


def version_by_id(model_id: UUID) -> ModelVersion:
    """The installed version with this id, with its space and table. One query.

    Raises:
        NotVisible: there is none.
    """
    found = ModelVersion.objects.select_related("space", "vector_table").filter(pk=model_id).first()
    if found is None:
        raise NotVisible(_NONE)
    return found
