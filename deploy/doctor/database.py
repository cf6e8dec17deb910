"""The database: who we are there, what that role may not do, and which walls stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from deploy.doctor.finding import Finding

PGVECTOR = (0, 8)
APP_ROLE = "vitrine_app"
_MIGRATE = "Run deploy/up, or manage.py migrate and manage.py setup_roles."
_WALLED = (
    "retrieval_collection",
    "retrieval_asset",
    "retrieval_segment",
    "retrieval_lexical",
    "retrieval_feedback",
    "retrieval_labelledquery",
    "retrieval_assetsubject",
    "audit_blindindex",
    "audit_datasubject",
    "audit_consentrecord",
    "audit_legalhold",
    "audit_purgerun",
    "audit_purgetally",
    "audit_retentionpause",
    "audit_retentionwarning",
    "audit_erasurerequest",
    "audit_erasureitem",
    "audit_erasurecandidate",
    "audit_erasurereceipt",
    "audit_disclosure",
    "audit_anomalyflag",
)
_LOGGING = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
# What a server may be set to without writing values into its log: statements hold them.
_QUIET = {
    "log_statement": ("none", "ddl"),
    "log_min_error_statement": ("fatal", "panic", "log"),
    "log_min_duration_statement": ("-1",),
    "log_min_duration_sample": ("-1",),
    "log_transaction_sample_rate": ("0",),
    "log_error_verbosity": ("terse",),
}
_LEDGER = ("audit_ledgerpending", "audit_ledgerentry")


def look() -> Iterator[Finding]:
    """Roles, extension, migrations and row-level security; reads catalogues only."""
    yield _role()
    yield _extension()
    plan = MigrationExecutor(connection).migration_plan(
        MigrationExecutor(connection).loader.graph.leaf_nodes()
    )
    yield Finding("migrations", f"{len(plan)} to apply", _MIGRATE if plan else "")
    yield _walls()
    yield _ledger()
    yield server_log(dict(rows(_LOGGING, [list(_QUIET)])))


def rows(statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _role() -> Finding:
    [(name, above, owned)] = rows(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb, "
        "(SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid "
        "AND c.relnamespace = 'public'::regnamespace) "
        "FROM pg_roles r WHERE rolname = current_user"
    )
    if name == APP_ROLE and not above and not owned:
        return Finding("database role", f"{name}: owns nothing, bypasses nothing")
    mend = f"The appliance must log in as {APP_ROLE} without attributes: manage.py setup_roles."
    return Finding("database role", f"{name}: may do more than it should", mend)


def _extension() -> Finding:
    found = rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    version = str(found[0][0]) if found else "missing"
    good = bool(found) and tuple(int(n) for n in version.split(".")[:2]) >= PGVECTOR
    return Finding("pgvector", version, "" if good else "Install pgvector 0.8 or newer.")


def _walls() -> Finding:
    found = rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND (relname = ANY(%s) OR (relname LIKE 'vectors\\_%%' AND relkind IN ('r', 'p'))) "
        "AND NOT (relrowsecurity AND relforcerowsecurity)",
        [list(_WALLED)],
    )
    open_tables = sorted(name for (name,) in found)
    mend = f"{_MIGRATE} Without it a forgotten filter would show rows of: {', '.join(open_tables)}."
    detail = f"open on {len(open_tables)} tables" if open_tables else "forced on every table"
    return Finding("row-level security", detail, mend if open_tables else "")


def _ledger() -> Finding:
    found = rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relname = ANY(%s) AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')",
        [list(_LEDGER)],
    )
    mend = "Its rows could be altered from the application: manage.py setup_roles."
    return Finding("ledger tables", "append-only by function", mend if found else "")


def server_log(found: dict[str, str]) -> Finding:
    """Whether the server's log may show what is stored; ``found``: its settings by name."""
    loud = sorted(name for name, value in found.items() if value not in _QUIET[name])
    wanted = ", ".join(f"{name} = {_QUIET[name][0]}" for name in loud)
    mend = f"Its log may show what is stored or asked: set {wanted}." if loud else ""
    detail = "shows statements or values" if loud else "shows no statements and no values"
    return Finding("database log", detail, mend)
