"""Custom redaction profiles, whose versions are never changed, and the work of applying them."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# What a version said when it redacted an asset must stay readable: rows are added and read only.
NEVER_CHANGED = "REVOKE UPDATE, DELETE ON retrieval_redactionprofile FROM vitrine_app"
CHANGED = "GRANT UPDATE, DELETE ON retrieval_redactionprofile TO vitrine_app"
# As the tables of assets and segments have it (0002_row_level_security).
POLICY = """
ALTER TABLE retrieval_reredaction ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_reredaction FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_reredaction
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()));
"""
NO_POLICY = """
DROP POLICY visible ON retrieval_reredaction;
ALTER TABLE retrieval_reredaction DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0007_reviews"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="RedactionProfile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=32)),
                ("version", models.PositiveIntegerField()),
                ("body", models.JSONField()),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["name", "-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("name", "version"), name="one_profile_a_version"
                    )
                ],
            },
        ),
        migrations.RunSQL(NEVER_CHANGED, CHANGED),
        migrations.CreateModel(
            name="Reredaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("profile_version", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("withhold_rest", models.BooleanField(default=False)),
                ("total", models.PositiveIntegerField(default=0)),
                ("begun", models.PositiveIntegerField(default=0)),
                ("withheld", models.PositiveIntegerField(default=0)),
                ("started_by", models.UUIDField(null=True)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reredactions",
                        to="retrieval.collection",
                    ),
                ),
            ],
            options={
                "ordering": ["-started_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("collection",),
                        name="one_running_reredaction_a_collection",
                    )
                ],
            },
        ),
        migrations.RunSQL(POLICY, NO_POLICY),
    ]
