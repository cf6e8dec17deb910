"""Words of segments and titles, matched literally: the table, and the functions that fill and read it.

Row-level security keeps rows from being read, but also every GIN index from being used: ``@@`` is not leakproof, so
Postgres lets it see no row before the policy has (CREATE FUNCTION, LEAKPROOF). So words are read through one function
of the owner's, which asks ``vitrine_visible_collections`` itself before anything else: the same second barrier, in
another place. Partitions are the owner's alone.
"""

from django.db import migrations

TABLE = """
CREATE TABLE retrieval_lexical (
    segment_id bigint NOT NULL,
    asset_id uuid NOT NULL,
    collection_id uuid NOT NULL,
    shard smallint NOT NULL,
    size smallint NOT NULL,
    searchable boolean NOT NULL,
    modality text NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (segment_id, shard)
) PARTITION BY LIST (shard);
-- Statistics would keep words of rows that are gone.
ALTER TABLE retrieval_lexical ALTER COLUMN words SET STATISTICS 0;
ALTER TABLE retrieval_lexical ALTER COLUMN words SET STORAGE EXTERNAL;
CREATE INDEX ON retrieval_lexical (collection_id, modality);
CREATE INDEX ON retrieval_lexical (asset_id);
ALTER TABLE retrieval_lexical ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_lexical FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_lexical
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK (
        (SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections())
    );
GRANT SELECT, INSERT, UPDATE, DELETE ON retrieval_lexical TO vitrine_app;

-- Words stay in the row, as they are: unpacking them would cost more than reading them.
CREATE TABLE retrieval_lexical_s0 PARTITION OF retrieval_lexical FOR VALUES IN (0)
    WITH (toast_tuple_target = 8160);
ALTER TABLE retrieval_lexical_s0 ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON retrieval_lexical_s0 FROM vitrine_app;
"""

# Accents go after stemming: Snowball's rules need them. Without STRICT and SET these can be inlined.
WORDS = """
CREATE FUNCTION vitrine_lexical_forms(word text, dictionaries text[]) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT DISTINCT CASE WHEN octet_length(form) = char_length(form) THEN form ELSE
        normalize(regexp_replace(normalize(form, NFD), '[\\u0300-\\u036f]', '', 'g'), NFC)
    END
    FROM (
        SELECT word
        UNION ALL
        SELECT stem FROM unnest(dictionaries) AS d(dictionary),
            unnest(ts_lexize(dictionary::regdictionary, word)) AS s(stem)
    ) AS f(form)
    WHERE form <> ''
$$;

CREATE FUNCTION vitrine_lexical_vector(words text[], codes text[], dictionaries text[]) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT array_to_tsvector(codes || ARRAY(
        SELECT form FROM unnest(words) AS w(word), public.vitrine_lexical_forms(word, dictionaries) AS form
    ))
$$;
"""

# ``tells`` of a unit: what it tells in its upper 32 bits, its own bit in the lower ones, so that one sum says how much
# was found and what. Of each asset the best rows; of all assets the best ``most``, and those asked for by name. The shorter text is the
# better of two that match alike: more of it is what was asked.
MOST_UNITS = 32
SCORE = (
    "0::bigint"
    + "".join(
        f" + CASE WHEN {{count}} >= {n} THEN CASE WHEN l.words @@ {{units}}[{n}] "
        f"THEN {{tells}}[{n}] ELSE 0 END"
        for n in range(1, MOST_UNITS + 1)
    )
    + " ELSE 0 END" * MOST_UNITS
)
FOUND = (
    """
        WITH near AS MATERIALIZED (
            SELECT l.segment_id, l.asset_id, l.collection_id, l.modality, l.size, """
    + SCORE
    + """ AS found
            FROM {table} AS l
            WHERE l.collection_id = ANY({mine}) AND l.modality = ANY({kinds}) AND l.searchable
            AND l.words @@ {gate} AND ({skip} IS NULL OR l.asset_id <> {skip})
        ), hit AS (
            SELECT n.*, n.found >> 32 AS score FROM near AS n WHERE n.found >> 32 >= {least}
            AND ({every} OR EXISTS (
                SELECT FROM public.retrieval_asset AS a WHERE a.id = n.asset_id
                AND ({after} IS NULL OR a.captured_at >= {after})
                AND ({before} IS NULL OR a.captured_at < {before})
                AND ({origin} IS NULL OR a.source = {origin})
                AND ({facts} IS NULL OR a.metadata @> {facts})
            ))
        ), placed AS (
            SELECT h.*, row_number() OVER own AS nth, first_value(h.score) OVER own AS top,
                first_value(h.size) OVER own AS shortest, first_value(h.segment_id) OVER own AS first
            FROM hit AS h WINDOW own AS (
                PARTITION BY h.modality, h.asset_id ORDER BY h.score DESC, h.size, h.segment_id
            )
        ), ranked AS (
            SELECT p.*, dense_rank() OVER (
                PARTITION BY p.modality ORDER BY p.top DESC, p.shortest, p.first
            ) AS place FROM placed AS p
        )
        SELECT r.segment_id, r.asset_id, r.collection_id, r.modality, r.found, r.size
        FROM ranked AS r
        WHERE r.nth <= {rows} AND (r.place <= {most} OR r.asset_id = ANY({also}))
"""
)
NAMES = {
    "units": "v_units",
    "count": "v_count",
    "tells": "p_tells",
    "mine": "v_mine",
    "kinds": "p_modalities",
    "gate": "v_gate",
    "skip": "p_skip",
    "least": "p_least",
    "every": "v_every",
    "after": "p_after",
    "before": "p_before",
    "origin": "p_source",
    "facts": "p_metadata",
    "rows": "p_rows",
    "most": "p_most",
    "also": "p_also",
}
PLACES = {name: f"${number}" for number, name in enumerate(NAMES, start=1)}
SEARCH = f"""
CREATE FUNCTION vitrine_lexical_search(
    p_collections uuid[], p_modalities text[], p_words text[], p_spellings text[], p_tells bigint[],
    p_dictionaries text[], p_gate integer[], p_least integer, p_most integer, p_rows integer,
    p_also uuid[], p_skip uuid, p_after timestamptz, p_before timestamptz, p_source text,
    p_metadata jsonb
) RETURNS TABLE (
    segment_id bigint, asset_id uuid, collection_id uuid, modality text, found bigint, size smallint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $function$
#variable_conflict use_column
DECLARE
    v_mine uuid[];
    v_units tsquery[];
    v_count integer;
    v_gate tsquery;
    v_own text;
    v_every boolean := p_after IS NULL AND p_before IS NULL AND p_source IS NULL
        AND p_metadata IS NULL;
BEGIN
    IF vitrine_is_system() THEN
        v_mine := p_collections;
    ELSE
        v_mine := ARRAY(
            SELECT c FROM unnest(p_collections) AS c
            WHERE c IN (SELECT vitrine_visible_collections())
        );
    END IF;
    v_units := ARRAY(
        SELECT CASE WHEN u.word = '' THEN u.spellings::tsquery ELSE (
            SELECT string_agg(quote_literal(form), '|')
            FROM public.vitrine_lexical_forms(u.word, p_dictionaries) AS form
        )::tsquery END
        FROM unnest(p_words, p_spellings) WITH ORDINALITY AS u(word, spellings, n) ORDER BY u.n
    );
    v_count := cardinality(v_units);
    SELECT string_agg('(' || v_units[g]::text || ')', '|')::tsquery INTO v_gate FROM unnest(p_gate) AS g;
    RETURN QUERY {FOUND.format(table="retrieval_lexical_s0", **NAMES)};
    FOR v_own IN
        SELECT format('retrieval_lexical_c%s', o.shard) FROM retrieval_collectionshard AS o
        WHERE o.collection_id = ANY(v_mine) ORDER BY o.shard
    LOOP
        CONTINUE WHEN to_regclass(v_own) IS NULL;
        RETURN QUERY EXECUTE format($query$
            {FOUND.format(table="%I", **PLACES)}
        $query$, v_own)
        USING {", ".join(NAMES.values())};
    END LOOP;
END
$function$;
"""
GRANTS = """
GRANT EXECUTE ON FUNCTION
    vitrine_lexical_forms(text, text[]),
    vitrine_lexical_vector(text[], text[], text[]),
    vitrine_lexical_search(
        uuid[], text[], text[], text[], bigint[], text[], integer[], integer, integer, integer, uuid[],
        uuid, timestamptz, timestamptz, text, jsonb
    )
TO vitrine_app;
"""
DROP = """
DROP FUNCTION IF EXISTS vitrine_lexical_search(
    uuid[], text[], text[], text[], bigint[], text[], integer[], integer, integer, integer, uuid[],
    uuid, timestamptz, timestamptz, text, jsonb
);
DROP FUNCTION IF EXISTS vitrine_lexical_vector(text[], text[], text[]);
DROP FUNCTION IF EXISTS vitrine_lexical_forms(text, text[]);
DROP TABLE IF EXISTS retrieval_lexical;
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0012_search_reach")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(TABLE + WORDS + SEARCH + GRANTS, DROP),
    ]
