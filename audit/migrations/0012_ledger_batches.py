"""audit_chain takes a batch by a range of ids, which costs the same whatever the planner believes.

Before, it took them by a list (``id IN (SELECT … LIMIT batch)``). The planner's statistics say that the table of
pending events is empty, since it nearly always is; after an outage, with a backlog, it then compared every row with
every other: 20 seconds for 20,000 events where this takes 2.

A row of a lower id that commits between the two statements comes along, so a batch may be a little larger.
"""

from importlib import import_module

from django.db import migrations

MEMBERSHIP = import_module("audit.migrations.0003_ledger").MEMBERSHIP

CHAIN = """
CREATE OR REPLACE FUNCTION public.audit_chain(batch integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head_seq bigint;
    head_hash bytea;
    before bytea;
    last_id bigint;
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
    SELECT max(taken.id) INTO last_id
    FROM (SELECT p.id FROM public.audit_ledgerpending AS p ORDER BY p.id LIMIT batch) AS taken;
    FOR event IN
        WITH taken AS (
            DELETE FROM public.audit_ledgerpending WHERE id <= last_id RETURNING *
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
RESET ROLE;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0011_checkpoints")]
    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s';"
            + MEMBERSHIP
            + CHAIN,
            migrations.RunSQL.noop,
        )
    ]
