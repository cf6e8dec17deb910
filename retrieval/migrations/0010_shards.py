"""Shards of single collections, the mark of their map, and what was measured about searching."""

import django.utils.timezone
from django.db import migrations, models

# The map of all shards is read by the application as such: which collection is large decides how a
# search is put, never what it may see. The function's owner reads the rows; nobody else does
# beyond what their grants show.
SQL = """
ALTER TABLE retrieval_collectionshard ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_collectionshard FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_collectionshard
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()));
CREATE POLICY map ON retrieval_collectionshard FOR SELECT TO CURRENT_USER USING (true);

CREATE FUNCTION vitrine_shards()
RETURNS TABLE (stamp uuid, collection_id uuid, shard smallint, state text, index text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    SELECT (SELECT s.stamp FROM public.retrieval_shardstamp s WHERE s.id = 1),
           c.collection_id, c.shard::smallint, c.state::text, c.index::text
    FROM (VALUES (1)) always LEFT JOIN public.retrieval_collectionshard c ON true
$$;

CREATE FUNCTION vitrine_sees(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    SELECT EXISTS (
        SELECT FROM public.retrieval_grant g
        JOIN public.accounts_user u ON u.id = nullif(current_setting('vitrine.user', true), '')::uuid
        WHERE u.is_active AND g.collection_id = wanted
          AND (g.expires_at IS NULL OR g.expires_at > now())
          AND (g.user_id = u.id
               OR g.team_id IN (SELECT m.team_id FROM public.accounts_membership m WHERE m.user_id = u.id))
    )
$$;

CREATE FUNCTION vitrine_shards_changed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
BEGIN
    INSERT INTO public.retrieval_shardstamp (id, stamp) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END
$$;
CREATE TRIGGER changed AFTER INSERT OR DELETE OR UPDATE OF shard, state, index
    ON retrieval_collectionshard FOR EACH STATEMENT EXECUTE FUNCTION vitrine_shards_changed();

GRANT EXECUTE ON FUNCTION vitrine_shards(), vitrine_sees(uuid) TO vitrine_app;
"""
REVERSE = """
DROP TRIGGER changed ON retrieval_collectionshard;
DROP FUNCTION vitrine_shards_changed(), vitrine_sees(uuid), vitrine_shards();
DROP POLICY visible ON retrieval_collectionshard;
DROP POLICY map ON retrieval_collectionshard;
ALTER TABLE retrieval_collectionshard DISABLE ROW LEVEL SECURITY;
"""
STATES = [(name, name.capitalize()) for name in ("moving", "indexing", "ready", "leaving", "left")]


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0009_feedback")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="CollectionShard",
            fields=[
                ("collection_id", models.UUIDField(primary_key=True, serialize=False)),
                ("shard", models.PositiveSmallIntegerField(unique=True)),
                ("state", models.CharField(choices=STATES, default="moving", max_length=16)),
                (
                    "index",
                    models.CharField(
                        choices=[("hnsw", "Hnsw"), ("binary", "Binary")],
                        default="hnsw",
                        max_length=16,
                    ),
                ),
                ("rows", models.PositiveBigIntegerField(default=0)),
                ("asked", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"ordering": ["shard"]},
        ),
        migrations.CreateModel(
            name="ShardStamp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stamp", models.UUIDField()),
            ],
        ),
        migrations.CreateModel(
            name="VectorTuning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("measured", models.JSONField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.RunSQL(SQL, REVERSE),
    ]
