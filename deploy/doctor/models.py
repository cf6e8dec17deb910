"""The models: whether bundles are what was installed, and vector tables what the catalogue says.

And whether those in use can be sure of anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from deploy.doctor.database import rows
from deploy.doctor.finding import Finding
from retrieval.errors import RetrievalError
from retrieval.models import ModelVersion, ReembedJob, VectorTable
from retrieval.selectors.models import model_list
from retrieval.services.models import model_verify

_STILL = timedelta(minutes=15)  # a worker's heartbeat comes with every batch, seconds apart
_INSTALL = "manage.py models install --builtin"


def bundles() -> Iterator[Finding]:
    """Each installed bundle against its hashes, every file read; and whether one is active."""
    versions = model_list()
    for version in versions:
        try:
            model_verify(ref=version.ref)
        except RetrievalError as error:
            yield Finding(f"model {version.ref}", error.detail, "Install the bundle again.")
        else:
            yield Finding(f"model {version.ref}", f"{version.status}, unchanged")
    if not any(version.status == ModelVersion.Status.ACTIVE for version in versions):
        yield Finding("models", "none is active", f"Nothing can be searched: {_INSTALL}")


def in_use() -> Iterator[Finding]:
    """Active models that are sure of nothing, re-embeddings that stand still, and what is spare."""
    status = ModelVersion.Status
    for version in model_list():
        if version.status == status.ACTIVE and not version.calibrations.exists():
            yield Finding(
                f"model {version.ref}",
                "has no calibration: nothing that it finds is a confident match",
                f"manage.py models fit {version.ref} --dataset DIR",
            )
        if version.status == status.RETIRED and not version.in_sets.exists():
            yield Finding(
                f"model {version.ref}",
                "is kept for a rollback; to free its vectors: "
                f"manage.py models remove {version.ref}",
            )
    for job in ReembedJob.objects.select_related("model_version"):
        ref = job.model_version.ref
        seen = job.heartbeat_at or job.started_at
        if job.state == ReembedJob.State.FAILED:
            mend = f"manage.py models progress {ref}; then: models reembed {ref} --resume"
            yield Finding(f"re-embedding of {ref}", f"failed ({job.reason})", mend)
        elif job.state == ReembedJob.State.RUNNING and timezone.now() - seen > _STILL:
            yield Finding(
                f"re-embedding of {ref}",
                f"has stood still since {seen:%Y-%m-%d %H:%M} UTC",
                "See whether the worker runs: deploy/up",
            )


def tables() -> Iterator[Finding]:
    """Vector tables that the database has, against those that the catalogue has."""
    there = dict(
        rows(
            "SELECT c.relname, a.atttypmod "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'vectors\\_%' "
            "AND NOT c.relispartition AND c.relkind IN ('r', 'p') AND a.attname = 'vec'"
        )
    )
    for table, dimension in VectorTable.objects.values_list("table", "dimension"):
        found = there.pop(table, None)
        detail = "missing" if found is None else f"{found} dimensions"
        mend = "" if found == dimension else f"Expected {dimension} dimensions: restore a backup."
        yield Finding(f"table {table}", detail, mend)
    for table in sorted(there):
        yield Finding(f"table {table}", "belongs to no model", f"As the owner: DROP TABLE {table}")
