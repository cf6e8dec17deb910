"""The models: whether bundles are what was installed, and vector tables what the catalogue says."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.doctor.database import rows
from deploy.doctor.finding import Finding
from retrieval.errors import RetrievalError
from retrieval.models import ModelVersion, VectorTable
from retrieval.selectors.models import model_list
from retrieval.services.models import model_verify

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
