"""Blind indexes of redacted identifiers, read and written by the appliance itself only."""

from django.db import migrations, models

# No request made for a person can read or write it, whatever its code does; see retrieval.scope.
POLICY = """
ALTER TABLE audit_blindindex ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_blindindex FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON audit_blindindex
    USING ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on')
    WITH CHECK ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on');
"""
NO_POLICY = """
DROP POLICY appliance ON audit_blindindex;
ALTER TABLE audit_blindindex DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_search_collections"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="BlindIndex",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("asset_id", models.UUIDField(db_index=True)),
                ("form", models.CharField(max_length=8)),
                ("digest", models.BinaryField(max_length=32)),
                ("period", models.CharField(max_length=16)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={"verbose_name_plural": "blind indexes"},
        ),
        migrations.RunSQL(POLICY, NO_POLICY),
    ]
