"""Row-level security of assets and segments, decided a row at a time where a statement reads only a few by their ids.

What is seen is the same either way. Listing what somebody with 10,000 collections sees costs some milliseconds for
each table of a statement, which the last look of a search at thirty rows need not pay; deciding on each row would
cost more wherever many are read. A statement says which by ``SET LOCAL vitrine.few``; said wrongly, it costs time.
"""

from django.db import migrations

LISTED = "collection_id IN (SELECT vitrine_visible_collections())"
EITHER = (
    "CASE WHEN (SELECT coalesce(current_setting('vitrine.few', true), '') = 'on') "
    f"THEN vitrine_sees(collection_id) ELSE {LISTED} END"
)
POLICY = """
ALTER POLICY visible ON {table}
    USING ((SELECT vitrine_is_system()) OR {how})
    WITH CHECK ((SELECT vitrine_is_system()) OR {how});
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0016_filters")]
    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        *[
            migrations.RunSQL(
                POLICY.format(table=table, how=EITHER), POLICY.format(table=table, how=LISTED)
            )
            for table in ("retrieval_asset", "retrieval_segment")
        ],
    ]
