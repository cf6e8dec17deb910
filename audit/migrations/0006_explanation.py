"""What a search was computed with, and which versions of the data it found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_blind_index"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        # With a default of the database's own neither rewrites the table.
        migrations.AddField(
            model_name="searchrecord",
            name="basis",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="influence",
            name="versions",
            field=models.JSONField(db_default={}, default=dict),
        ),
        # A query kept with its vectors is a few kilobytes of ciphertext: nothing to compress.
        migrations.RunSQL(
            "ALTER TABLE audit_searchrecord ALTER COLUMN kept_query SET STORAGE EXTERNAL",
            "ALTER TABLE audit_searchrecord ALTER COLUMN kept_query SET STORAGE EXTENDED",
        ),
    ]
