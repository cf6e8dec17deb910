"""What redaction found in each asset, and the queue of what stewards look at."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# As the tables of assets and segments have it (0002_row_level_security).
POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON {table}
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()));
"""
TABLES = ("retrieval_redactionreport", "retrieval_review")


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0006_bridges"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="asset",
            name="language",
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.CreateModel(
            name="RedactionReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("profile_version", models.CharField(blank=True, max_length=64)),
                ("language", models.CharField(blank=True, max_length=16)),
                ("findings", models.JSONField(blank=True, default=list)),
                ("low", models.JSONField(blank=True, default=list)),
                ("remaining", models.JSONField(blank=True, default=list)),
                ("accepted", models.JSONField(blank=True, default=list)),
                ("accepted_reasons", models.JSONField(blank=True, default=list)),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reports",
                        to="retrieval.asset",
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("quarantined", "Quarantined"),
                            ("low-confidence", "Low Confidence"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=64)),
                ("reason_detail", models.CharField(blank=True, max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("accepted", "Accepted"),
                            ("redacted", "Redacted"),
                            ("rejected", "Rejected"),
                            ("retried", "Retried"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_reason", models.CharField(blank=True, max_length=300)),
                ("regions", models.JSONField(blank=True, default=list)),
                ("base", models.BinaryField(blank=True, default=b"", max_length=32)),
                ("applied_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reviews",
                        to="retrieval.asset",
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reviews",
                        to="retrieval.redactionreport",
                    ),
                ),
            ],
            options={
                "ordering": ["opened_at", "id"],
                "indexes": [
                    models.Index(
                        fields=["collection", "state", "opened_at"],
                        name="retrieval_r_collect_7ecdce_idx",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("asset",),
                        name="one_open_review_an_asset",
                    )
                ],
            },
        ),
        *[
            migrations.RunSQL(
                POLICY.format(table=table),
                f"DROP POLICY visible ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;",
            )
            for table in TABLES
        ],
    ]
