"""Which collections a reader sees, found through indexes whoever else has grants.

One condition with OR between own and teams' grants made the database read every grant of the appliance for each table
that a statement reads: 12,000 pages with 200,000 grants. Two halves are found by user and by team. What is visible is
the same.
"""

from django.db import migrations

VISIBLE = """
CREATE OR REPLACE FUNCTION vitrine_visible_collections() RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    SELECT g.collection_id
    FROM public.accounts_user u
    JOIN public.retrieval_grant g ON g.user_id = u.id
    WHERE u.id = nullif(current_setting('vitrine.user', true), '')::uuid AND u.is_active
      AND (g.expires_at IS NULL OR g.expires_at > now())
    UNION ALL
    SELECT g.collection_id
    FROM public.accounts_user u
    JOIN public.accounts_membership m ON m.user_id = u.id
    JOIN public.retrieval_grant g ON g.team_id = m.team_id
    WHERE u.id = nullif(current_setting('vitrine.user', true), '')::uuid AND u.is_active
      AND (g.expires_at IS NULL OR g.expires_at > now())
$$;

CREATE OR REPLACE FUNCTION vitrine_sees(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    SELECT EXISTS (
        SELECT FROM public.accounts_user u
        JOIN public.retrieval_grant g ON g.user_id = u.id
        WHERE u.id = nullif(current_setting('vitrine.user', true), '')::uuid AND u.is_active
          AND g.collection_id = wanted AND (g.expires_at IS NULL OR g.expires_at > now())
    ) OR EXISTS (
        SELECT FROM public.accounts_user u
        JOIN public.accounts_membership m ON m.user_id = u.id
        JOIN public.retrieval_grant g ON g.team_id = m.team_id
        WHERE u.id = nullif(current_setting('vitrine.user', true), '')::uuid AND u.is_active
          AND g.collection_id = wanted AND (g.expires_at IS NULL OR g.expires_at > now())
    )
$$;
"""
# A half of what a user sees is found by user and collection together.
INDEXES = """
CREATE INDEX grants_of_user ON retrieval_grant (user_id, collection_id) INCLUDE (expires_at) WHERE user_id IS NOT NULL;
CREATE INDEX grants_of_team ON retrieval_grant (team_id, collection_id) INCLUDE (expires_at) WHERE team_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0014_evaluation_tasks")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        # What was there before gives the same answers, more slowly, and may stay on the way back.
        migrations.RunSQL(VISIBLE, migrations.RunSQL.noop),
        migrations.RunSQL(INDEXES, "DROP INDEX grants_of_user; DROP INDEX grants_of_team;"),
    ]
