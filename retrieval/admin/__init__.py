"""The console's pages on collections, assets and models.

Writes go through the services. Assets, segments and provenance are only looked at here, and their
words only by visitors who may read the collection: a steward governs without reading.
"""

from retrieval.admin import (
    assets,
    collections,
    evaluations,
    jobs,
    models,
    profiles,
    reviews,
    tasks,
)

__all__ = [
    "assets",
    "collections",
    "evaluations",
    "jobs",
    "models",
    "profiles",
    "reviews",
    "tasks",
]
