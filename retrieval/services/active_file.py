"""Telling the model server which versions to keep in memory."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from retrieval import scope
from retrieval.encoders.active import active_write
from retrieval.models import ModelSetVersion, ModelVersion

logger = structlog.get_logger("vitrine.models")


def active_file_write() -> bool:
    """Whether ``active.json`` had to be changed: the versions that searches may use now.

    Those are the active ones and what model sets name. Call it after a commit; a call that was lost
    is made good by the sweep.
    """
    with scope.system():
        named = ModelSetVersion.objects.filter(version=OuterRef("pk"))
        used = Q(status=ModelVersion.Status.ACTIVE) | Exists(named)
        refs = [version.ref for version in ModelVersion.objects.filter(used)]
    changed = active_write(settings.PATHS.models, refs)
    if changed:
        logger.info("active_models_written", models=sorted(refs))
    return changed
