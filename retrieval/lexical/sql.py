"""Statements on the table of words; the table and its functions come from a migration. Pure."""

from __future__ import annotations

from typing import Final

TABLE: Final = "retrieval_lexical"
SHARDS: Final = 1
"""How many shards the collections share that have none of their own."""

DICTIONARIES: Final = {
    "ar": "arabic_stem",
    "ca": "catalan_stem",
    "da": "danish_stem",
    "de": "german_stem",
    "el": "greek_stem",
    "en": "english_stem",
    "es": "spanish_stem",
    "eu": "basque_stem",
    "fi": "finnish_stem",
    "fr": "french_stem",
    "ga": "irish_stem",
    "hi": "hindi_stem",
    "hu": "hungarian_stem",
    "hy": "armenian_stem",
    "id": "indonesian_stem",
    "it": "italian_stem",
    "lt": "lithuanian_stem",
    "ne": "nepali_stem",
    "nl": "dutch_stem",
    "no": "norwegian_stem",
    "pt": "portuguese_stem",
    "ro": "romanian_stem",
    "ru": "russian_stem",
    "sr": "serbian_stem",
    "sv": "swedish_stem",
    "ta": "tamil_stem",
    "tr": "turkish_stem",
}
"""Stemmers that Postgres has from version 14 on, by language (ISO 639-1)."""

WRITE: Final = """
INSERT INTO retrieval_lexical
    (shard, segment_id, asset_id, collection_id, searchable, size, modality, words)
SELECT CASE WHEN to_regclass(%s) IS NULL THEN %s ELSE %s END::smallint,
    r.segment_id, %s, %s, true, r.size, r.modality,
    vitrine_lexical_vector(
        ARRAY(SELECT jsonb_array_elements_text(r.words)),
        ARRAY(SELECT jsonb_array_elements_text(r.codes)),
        %b
    )
FROM jsonb_to_recordset(%s) AS r(
    segment_id bigint, size smallint, modality text, words jsonb, codes jsonb
)
ON CONFLICT (segment_id, shard) DO UPDATE SET
    asset_id = excluded.asset_id, collection_id = excluded.collection_id,
    searchable = excluded.searchable, size = excluded.size, modality = excluded.modality,
    words = excluded.words
"""
SHOW: Final = "UPDATE retrieval_lexical SET searchable = %s WHERE asset_id = ANY(%b)"
DELETE: Final = "DELETE FROM retrieval_lexical WHERE asset_id = ANY(%b)"
WORDLESS: Final = """
SELECT a.id FROM retrieval_asset AS a
WHERE a.state = 'searchable'
AND NOT EXISTS (SELECT FROM retrieval_lexical AS l WHERE l.asset_id = a.id)
AND EXISTS (SELECT FROM retrieval_segment AS s WHERE s.asset_id = a.id)
ORDER BY a.id LIMIT %s FOR UPDATE OF a SKIP LOCKED
"""
SEARCH: Final = """
SELECT segment_id, asset_id, collection_id, modality, found, size
FROM vitrine_lexical_search(
    %b::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::integer[],
    %s::integer, %s::integer, %s::integer, %b::uuid[], %s::uuid, %s::timestamptz, %s::timestamptz,
    %s::text, %s::jsonb
)
"""

# A partition of a collection's own is read by the function alone, as its owner: without FORCE,
# which would hide the rows from the owner, too. The pending list of a GIN index is read by every
# search, so it is kept short.
OWN_PARTITION: Final = """
ALTER TABLE {partition} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE {partition} ALTER COLUMN words SET STATISTICS 0;
ALTER TABLE {partition} SET (toast_tuple_target = 8160);
CREATE INDEX IF NOT EXISTS {index} ON {partition} USING gin (words)
    WITH (gin_pending_list_limit = 256);
"""
