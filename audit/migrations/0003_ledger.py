"""The ledger's tables and functions, owned by vitrine_ledger, as which nobody logs in.

The application may read both tables and call two functions, and nothing else:

* ``audit_record`` adds an event to ``audit_ledgerpending`` in the caller's transaction. The database sets the time.
* ``audit_chain`` moves pending events to the end of the chain. It takes no row from its caller: sequence number,
  predecessor and hash are worked out here, under one lock, from what ``audit_record`` stored.

``audit_canonical`` writes the RFC 8785 form that ``audit.chain`` recomputes independently when it verifies.
Triggers refuse UPDATE, DELETE and TRUNCATE even to the owner and even with session_replication_role = replica.
Partitions hold a million numbers each; ``audit_chain`` makes them ahead of need.
There is no way back: a migration that drops the ledger would be the easiest way to bend it.
"""

from django.db import migrations

# From PostgreSQL 16 on, who creates a role may administer it but not become it, unless granted.
MEMBERSHIP = """
SET LOCAL lock_timeout = '4s';
DO $$
BEGIN
    IF current_setting('server_version_num')::int < 160000 THEN
        IF NOT pg_has_role(current_user, 'vitrine_ledger', 'MEMBER') THEN
            EXECUTE format('GRANT vitrine_ledger TO %I', current_user);
        END IF;
    ELSIF NOT pg_has_role(current_user, 'vitrine_ledger', 'SET') THEN
        EXECUTE format('GRANT vitrine_ledger TO %I WITH INHERIT FALSE, SET TRUE', current_user);
    END IF;
EXCEPTION WHEN unique_violation OR internal_error THEN
    NULL; -- another database of this server granted it in the same moment; SET ROLE below tells if not
END $$;
SET LOCAL ROLE vitrine_ledger;
"""

TABLES = """
CREATE TABLE public.audit_ledgerpending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor uuid,
    event text COLLATE "C" NOT NULL,
    refs jsonb NOT NULL,
    payload text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE public.audit_ledgerentry (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    at timestamptz NOT NULL,
    actor uuid,
    event text COLLATE "C" NOT NULL,
    refs jsonb NOT NULL,
    payload text NOT NULL,
    prev bytea NOT NULL CHECK (octet_length(prev) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
) PARTITION BY RANGE (seq);
CREATE INDEX audit_ledgerentry_event ON public.audit_ledgerentry (event, seq);
CREATE INDEX audit_ledgerentry_actor ON public.audit_ledgerentry (actor, seq);
CREATE INDEX audit_ledgerentry_collection ON public.audit_ledgerentry USING gin ((refs -> 'collection'));
CREATE INDEX audit_ledgerentry_at ON public.audit_ledgerentry USING brin (at);
"""

WALL = """
CREATE FUNCTION public.audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
ALTER TABLE public.audit_ledgerentry ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON public.audit_ledgerpending
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
ALTER TABLE public.audit_ledgerpending ENABLE ALWAYS TRIGGER append_only;
"""

# A partition is made apart and then attached: that locks out nobody who reads or writes meanwhile.
PARTITION = """
CREATE FUNCTION public.audit_partition(n bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := 'audit_ledgerentry_' || n;
BEGIN
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.audit_ledgerentry INCLUDING CONSTRAINTS)', name);
    EXECUTE format('ALTER TABLE public.audit_ledgerentry ATTACH PARTITION public.%I FOR VALUES FROM (%s) TO (%s)',
                   name, n * 1000000, (n + 1) * 1000000);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse()', name);
    EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER append_only', name);
END $$;
SELECT public.audit_partition(0);
SELECT public.audit_partition(1);
"""

# Postgres escapes JSON strings exactly as RFC 8785 does, and refs' keys are plain ASCII, for which the order by
# UTF-16 units that RFC 8785 asks for is the order by bytes.
CANONICAL = r"""
CREATE FUNCTION public.audit_canonical(
    seq bigint, at timestamptz, actor uuid, event text, refs jsonb, payload text, prev bytea
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{"actor":' || coalesce('"' || actor::text || '"', 'null')
        || ',"at":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","event":' || to_json(event)::text
        || ',"payload":' || to_json(payload)::text
        || ',"prev":"' || encode(prev, 'hex')
        || '","refs":{' || coalesce((
            SELECT string_agg(to_json(r.key)::text || ':' || CASE jsonb_typeof(r.value)
                WHEN 'string' THEN r.value::text
                ELSE '[' || coalesce((
                    SELECT string_agg(e.value::text, ',' ORDER BY e.place)
                    FROM jsonb_array_elements(r.value) WITH ORDINALITY AS e(value, place)), '') || ']'
                END, ',' ORDER BY r.key COLLATE "C")
            FROM jsonb_each(refs) AS r), '')
        || '},"seq":' || seq || '}'
$$;
"""

RECORD = r"""
CREATE FUNCTION public.audit_record(actor uuid, event text, refs jsonb, payload text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made bigint;
BEGIN
    IF event IS NULL OR event !~ '^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*$' OR length(event) > 64 THEN
        RAISE EXCEPTION 'an event is named area:object:action' USING ERRCODE = 'check_violation';
    END IF;
    IF refs IS NULL OR jsonb_typeof(refs) <> 'object' OR EXISTS (
        SELECT FROM jsonb_each(refs) AS r
        WHERE r.key !~ '^[a-z][a-z0-9_]{0,31}$' OR CASE jsonb_typeof(r.value)
            WHEN 'string' THEN r.value #>> '{}' !~ '^[!-~]{1,128}$'
            WHEN 'array' THEN EXISTS (
                SELECT FROM jsonb_array_elements(r.value) AS e
                WHERE jsonb_typeof(e.value) <> 'string' OR e.value #>> '{}' !~ '^[!-~]{1,128}$')
            ELSE true END
    ) THEN
        RAISE EXCEPTION 'refs are ids, or lists of ids, by name' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.audit_ledgerpending (at, actor, event, refs, payload)
    VALUES (clock_timestamp(), actor, event, refs, coalesce(payload, '')) RETURNING id INTO made;
    RETURN made;
END $$;
"""

# 7305796 is an arbitrary number that names this lock among the database's advisory locks.
CHAIN = """
CREATE FUNCTION public.audit_chain(batch integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head_seq bigint;
    head_hash bytea;
    before bytea;
    event record;
    chained integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7305796);
    SELECT e.seq, e.hash INTO head_seq, head_hash FROM public.audit_ledgerentry AS e ORDER BY e.seq DESC LIMIT 1;
    head_seq := coalesce(head_seq, 0);
    head_hash := coalesce(head_hash, decode(repeat('00', 32), 'hex'));
    FOR part IN (head_seq + 1) / 1000000 .. (head_seq + batch + 500000) / 1000000 LOOP
        PERFORM public.audit_partition(part);
    END LOOP;
    FOR event IN
        WITH taken AS (
            DELETE FROM public.audit_ledgerpending
            WHERE id IN (SELECT p.id FROM public.audit_ledgerpending AS p ORDER BY p.id LIMIT batch)
            RETURNING *
        )
        SELECT * FROM taken ORDER BY id
    LOOP
        head_seq := head_seq + 1;
        before := head_hash;
        head_hash := sha256(convert_to(public.audit_canonical(
            head_seq, event.at, event.actor, event.event, event.refs, event.payload, before), 'UTF8'));
        INSERT INTO public.audit_ledgerentry (seq, at, actor, event, refs, payload, prev, hash)
        VALUES (head_seq, event.at, event.actor, event.event, event.refs, event.payload, before, head_hash);
        chained := chained + 1;
    END LOOP;
    RETURN chained;
END $$;
"""

RIGHTS = """
REVOKE ALL ON FUNCTION public.audit_refuse(), public.audit_partition(bigint), public.audit_canonical(
    bigint, timestamptz, uuid, text, jsonb, text, bytea), public.audit_record(uuid, text, jsonb, text),
    public.audit_chain(integer) FROM PUBLIC;
DO $$
DECLARE
    reader text;
BEGIN
    FOREACH reader IN ARRAY ARRAY['vitrine_app', session_user::text] LOOP
        EXECUTE format('GRANT SELECT ON public.audit_ledgerpending, public.audit_ledgerentry TO %I', reader);
        EXECUTE format('GRANT EXECUTE ON FUNCTION public.audit_record(uuid, text, jsonb, text),
                        public.audit_chain(integer) TO %I', reader);
    END LOOP;
END $$;
RESET ROLE;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_initial")]
    operations = [
        migrations.RunSQL(
            MEMBERSHIP + TABLES + WALL + PARTITION + CANONICAL + RECORD + CHAIN + RIGHTS
        )
    ]
