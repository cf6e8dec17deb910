"""What a search reaches, in one statement, and the stamps that tell when it has changed.

A stamp is a random value that changes, in the same transaction, with whatever it stands for: ``rules`` for models,
calibrations, bridges, profiles and collections' policies, ``user:`` and ``team:`` for the grants of one holder.
Triggers move them; the application may read them and cannot write them. Whoever has read everything under a stamp
and finds it unmoved may go on with what was read.
"""

from django.db import migrations, models

STAMPS = """
CREATE FUNCTION vitrine_stamp(names text[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
    INSERT INTO public.retrieval_stamp (name, value)
    SELECT n, gen_random_uuid() FROM unnest(names) AS n ORDER BY n
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
$$;
REVOKE ALL ON FUNCTION vitrine_stamp(text[]) FROM PUBLIC;

CREATE FUNCTION vitrine_rules_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
BEGIN
    PERFORM public.vitrine_stamp(ARRAY['rules']);
    RETURN NULL;
END
$$;

CREATE FUNCTION vitrine_grants_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
DECLARE
    names text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT coalesce('user:' || g.user_id, 'team:' || g.team_id)) INTO names
        FROM (SELECT user_id, team_id FROM changed_from UNION SELECT user_id, team_id FROM changed_to) AS g;
    ELSE
        SELECT array_agg(DISTINCT coalesce('user:' || g.user_id, 'team:' || g.team_id)) INTO names
        FROM changed_rows AS g;
    END IF;
    IF names IS NOT NULL THEN
        PERFORM public.vitrine_stamp(names);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER stamped_insert AFTER INSERT ON retrieval_grant
    REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION vitrine_grants_changed();
CREATE TRIGGER stamped_delete AFTER DELETE ON retrieval_grant
    REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION vitrine_grants_changed();
CREATE TRIGGER stamped_update AFTER UPDATE ON retrieval_grant
    REFERENCING OLD TABLE AS changed_from NEW TABLE AS changed_to
    FOR EACH STATEMENT EXECUTE FUNCTION vitrine_grants_changed();

-- A new collection matters to nobody before its first grant, and most updates are of its name.
CREATE TRIGGER stamped AFTER UPDATE OF redaction_profile, model_set, purposes, retention_policy_id
    ON retrieval_collection FOR EACH STATEMENT EXECUTE FUNCTION vitrine_rules_changed();

SELECT vitrine_stamp(ARRAY['rules']);
"""
RULES = (
    "audit_retentionpolicy",
    "retrieval_bridge",
    "retrieval_calibration",
    "retrieval_modelsetversion",
    "retrieval_modelversion",
    "retrieval_redactionprofile",
    "retrieval_space",
    "retrieval_vectortable",
)
RULE_TRIGGER = """
CREATE TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION vitrine_rules_changed();
"""

# The stamp is read before what it stands for, so what is read is never older than it says. ``person`` is told to
# row-level security for as long as the function runs.
REACH = """
CREATE FUNCTION vitrine_search_reach(
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
        asset := (SELECT jsonb_build_object('collection', a.collection_id, 'state', a.state, 'modality', a.modality)
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
REVOKE ALL ON FUNCTION vitrine_search_reach(uuid, text[], text, timestamptz, bytea, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vitrine_search_reach(uuid, text[], text, timestamptz, bytea, uuid) TO vitrine_app;
REVOKE ALL ON retrieval_stamp FROM vitrine_app;
GRANT SELECT ON retrieval_stamp TO vitrine_app;
"""
GONE = """
DROP FUNCTION vitrine_search_reach(uuid, text[], text, timestamptz, bytea, uuid);
DROP TRIGGER stamped_insert ON retrieval_grant;
DROP TRIGGER stamped_delete ON retrieval_grant;
DROP TRIGGER stamped_update ON retrieval_grant;
DROP FUNCTION vitrine_grants_changed();
DROP TRIGGER stamped ON retrieval_collection;
"""
RULES_GONE = "DROP FUNCTION vitrine_rules_changed(); DROP FUNCTION vitrine_stamp(text[]);"


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0011_calibrations"),
        ("accounts", "0001_initial"),
        ("audit", "0006_explanation"),
    ]
    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="Stamp",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("value", models.UUIDField()),
            ],
        ),
        migrations.RunSQL(STAMPS, RULES_GONE),
        *[
            migrations.RunSQL(RULE_TRIGGER.format(table=table), f"DROP TRIGGER stamped ON {table};")
            for table in RULES
        ],
        migrations.RunSQL(REACH, GONE),
    ]
