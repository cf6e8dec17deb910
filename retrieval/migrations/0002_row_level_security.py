"""Row-level security: the second barrier behind ``retrieval.access``.

A transaction says on whose behalf it reads by ``SET LOCAL vitrine.user`` (see ``retrieval.scope``). Without it no
row of a collection is visible. FORCE makes the policies hold for the tables' owner too.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION vitrine_is_system() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$ SELECT coalesce(current_setting('vitrine.system', true), 'off') = 'on' $$;

CREATE FUNCTION vitrine_visible_collections() RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    SELECT g.collection_id
    FROM public.retrieval_grant g
    JOIN public.accounts_user u ON u.id = nullif(current_setting('vitrine.user', true), '')::uuid
    WHERE u.is_active
      AND (g.expires_at IS NULL OR g.expires_at > now())
      AND (g.user_id = u.id
           OR g.team_id IN (SELECT m.team_id FROM public.accounts_membership m WHERE m.user_id = u.id))
$$;

GRANT EXECUTE ON FUNCTION vitrine_is_system(), vitrine_visible_collections() TO vitrine_app;
"""

TABLES = {
    "retrieval_collection": "id",
    "retrieval_asset": "collection_id",
    "retrieval_segment": "collection_id",
}

POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON {table}
    USING ((SELECT vitrine_is_system()) OR {column} IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR {column} IN (SELECT vitrine_visible_collections()));
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0001_initial"), ("audit", "0001_roles")]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        *[
            migrations.RunSQL(
                POLICY.format(table=table, column=column),
                f"DROP POLICY visible ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;",
            )
            for table, column in TABLES.items()
        ],
    ]
