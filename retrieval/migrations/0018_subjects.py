"""Whom assets are about, and until when what they permitted lasts: also for an asset that is searched with."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

POLICY = """
ALTER TABLE retrieval_assetsubject ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_assetsubject FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON retrieval_assetsubject
    USING ((SELECT vitrine_is_system())) WITH CHECK ((SELECT vitrine_is_system()));
"""
NO_POLICY = """
DROP POLICY appliance ON retrieval_assetsubject;
ALTER TABLE retrieval_assetsubject DISABLE ROW LEVEL SECURITY;
"""

# As in 0012, but for the state of the asset that is searched with: what was permitted until a moment that is past
# counts as withheld, whether or not anybody has come to withhold it.
REACH = """
CREATE OR REPLACE FUNCTION vitrine_search_reach(
    person uuid, reading text[], known text, known_until timestamptz, blind bytea, asked uuid
)
RETURNS TABLE (stamp text, expires timestamptz, actor uuid, asset jsonb, body jsonb, blocks bytea[])
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, public
AS $$
DECLARE
    user_before text := current_setting('vitrine.user', true);
    system_before text := current_setting('vitrine.system', true);
    active boolean;
BEGIN
    PERFORM set_config('vitrine.user', person::text, true), set_config('vitrine.system', 'off', true);
    active := coalesce((SELECT u.is_active FROM accounts_user u WHERE u.id = person), false);
    actor := (SELECT a.id FROM audit_actor a WHERE a.blind = vitrine_search_reach.blind);
    -- Where nothing was stamped yet there is nothing to go by: null, and so read anew every time.
    stamp := (SELECT s.value::text FROM retrieval_stamp s WHERE s.name = 'rules') || concat_ws(' ', '', active,
        (SELECT s.value::text FROM retrieval_stamp s WHERE s.name = 'user:' || person),
        (SELECT string_agg(m.team_id || coalesce('=' || s.value, ''), ',' ORDER BY m.team_id)
         FROM accounts_membership m LEFT JOIN retrieval_stamp s ON s.name = 'team:' || m.team_id
         WHERE m.user_id = person));
    IF asked IS NOT NULL THEN
        asset := (SELECT jsonb_build_object('collection', a.collection_id, 'modality', a.modality, 'state',
                      CASE WHEN a.permitted_until <= clock_timestamp() THEN 'withheld' ELSE a.state END)
                  FROM retrieval_asset a WHERE a.id = asked);
    END IF;
    IF stamp IS DISTINCT FROM known OR coalesce(known_until <= clock_timestamp(), false) THEN
        WITH held AS (
            SELECT g.collection_id, g.expires_at FROM retrieval_grant g
            WHERE active AND g.user_id = person AND g.role = ANY (reading)
              AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
            UNION ALL
            SELECT g.collection_id, g.expires_at FROM accounts_membership m
            JOIN retrieval_grant g ON g.team_id = m.team_id
            WHERE active AND m.user_id = person AND g.role = ANY (reading)
              AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
        ), parts AS (
            SELECT c.redaction_profile, c.model_set, c.purposes, c.retention_policy_id,
                   string_agg(uuid_send(c.id), ''::bytea ORDER BY c.id) AS block
            FROM (SELECT DISTINCT h.collection_id AS id FROM held h) AS readable
            JOIN retrieval_collection c ON c.id = readable.id
            GROUP BY c.redaction_profile, c.model_set, c.purposes, c.retention_policy_id
        ), numbered AS (
            SELECT row_number() OVER () AS place, parts.* FROM parts
        ), versions AS (
            SELECT v.*, t.id AS table_id FROM retrieval_modelversion v
            JOIN retrieval_vectortable t ON t.model_version_id = v.id
            WHERE v.status = 'active'
               OR EXISTS (SELECT FROM retrieval_modelsetversion i WHERE i.version_id = v.id)
        )
        SELECT (SELECT min(h.expires_at) FROM held h),
               (SELECT array_agg(n.block ORDER BY n.place) FROM numbered n),
               jsonb_build_object(
                   'parts', (SELECT jsonb_agg(jsonb_build_object(
                           'redaction_profile', n.redaction_profile, 'model_set', n.model_set,
                           'purposes', n.purposes, 'rules', p.rules) ORDER BY n.place)
                       FROM numbered n LEFT JOIN audit_retentionpolicy p ON p.id = n.retention_policy_id),
                   'versions', (SELECT jsonb_agg(to_jsonb(v) - 'table_id' || jsonb_build_object(
                           'space', to_jsonb(s), 'vector_table', to_jsonb(t)) ORDER BY v.space_id, v.id)
                       FROM versions v JOIN retrieval_space s ON s.name = v.space_id
                       JOIN retrieval_vectortable t ON t.id = v.table_id),
                   'sets', (SELECT jsonb_agg(jsonb_build_array(i.model_set_id, i.version_id))
                       FROM retrieval_modelsetversion i),
                   'calibrations', (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.id) FROM retrieval_calibration c
                       WHERE c.model_version_id IN (SELECT v.id FROM versions v)
                         AND coalesce(to_jsonb(c) ->> 'status', 'active') = 'active'
                         AND (to_jsonb(c) ->> 'collection_id' IS NULL
                              OR (to_jsonb(c) ->> 'collection_id')::uuid IN (SELECT h.collection_id FROM held h))),
                   'bridges', (SELECT jsonb_agg(to_jsonb(b) ORDER BY b.id) FROM retrieval_bridge b
                       WHERE b.source_id IN (SELECT v.id FROM versions v)
                         AND b.target_id IN (SELECT v.id FROM versions v)),
                   'profiles', (SELECT jsonb_agg(to_jsonb(newest)) FROM (
                       SELECT DISTINCT ON (r.name) r.* FROM retrieval_redactionprofile r
                       WHERE r.name IN (SELECT n.redaction_profile FROM numbered n)
                       ORDER BY r.name, r.version DESC) AS newest))
        INTO expires, blocks, body;
    END IF;
    PERFORM set_config('vitrine.user', coalesce(user_before, ''), true),
            set_config('vitrine.system', coalesce(nullif(system_before, ''), 'off'), true);
    RETURN NEXT;
END
$$;
"""
STATE = "CASE WHEN a.permitted_until <= clock_timestamp() THEN 'withheld' ELSE a.state END"
REACH_BEFORE = REACH.replace(STATE, "a.state")


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0017_seen_one_by_one"), ("audit", "0009_subjects")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="asset",
            name="ground",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="asset",
            name="permitted_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="asset",
            name="withheld_from",
            field=models.CharField(blank=True, db_default="", default="", max_length=16),
        ),
        migrations.CreateModel(
            name="AssetSubject",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.UUIDField(db_index=True)),
                ("consent", models.UUIDField(blank=True, null=True)),
                ("linked_by", models.UUIDField(blank=True, null=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "via",
                    models.CharField(
                        choices=[
                            ("upload", "Upload"),
                            ("review", "Review"),
                            ("console", "Console"),
                            ("api", "Api"),
                            ("import", "Import"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subjects",
                        to="retrieval.asset",
                    ),
                ),
            ],
            options={
                "ordering": ["asset_id", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("asset", "subject"), name="one_link_a_subject")
                ],
            },
        ),
        migrations.RunSQL(POLICY, NO_POLICY),
        migrations.RunSQL(REACH, REACH_BEFORE),
    ]
