"""The console's pages on collections, assets and models.

Writes go through the services. Assets, segments and provenance are only looked at here, and their
words only by visitors who may read the collection: a steward governs without reading.
"""

from retrieval.admin import (
    access_requests,
    assets,
    collection_changes,
    collection_rules,
    collections,
    consents,
    disclosing,
    erasures,
    evaluations,
    holds,
    jobs,
    models,
    monitoring,
    pauses,
    policies,
    processing,
    profiles,
    purges,
    purposes,
    reviews,
    search_audit,
    subjects,
    tasks,
)

__all__ = [
    "access_requests",
    "assets",
    "collection_changes",
    "collection_rules",
    "collections",
    "consents",
    "disclosing",
    "erasures",
    "evaluations",
    "holds",
    "jobs",
    "models",
    "monitoring",
    "pauses",
    "policies",
    "processing",
    "profiles",
    "purges",
    "purposes",
    "reviews",
    "search_audit",
    "subjects",
    "tasks",
]
