"""Versions of datasets: lists of assets that models may be trained on."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

TABLES = ("retrieval_dataset", "retrieval_datasetversion", "retrieval_datasetitem")
POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON {table}
    USING ((SELECT vitrine_is_system())) WITH CHECK ((SELECT vitrine_is_system()));
"""
NO_POLICY = """
DROP POLICY appliance ON {table};
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0022_holdings"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="Dataset",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.SlugField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="datasets",
                        to="retrieval.collection",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="DatasetVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("modality", models.CharField(max_length=16)),
                ("size", models.PositiveIntegerField()),
                ("left_out", models.JSONField(default=dict)),
                ("built_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("built_by", models.UUIDField(null=True)),
                ("stale_at", models.DateTimeField(null=True)),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="retrieval.dataset",
                    ),
                ),
            ],
            options={
                "ordering": ["dataset_id", "-number"],
            },
        ),
        migrations.CreateModel(
            name="DatasetItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asset_id", models.UUIDField(db_index=True)),
                ("profile_version", models.CharField(blank=True, max_length=64)),
                ("gone_at", models.DateTimeField(null=True)),
                ("gone_reason", models.CharField(blank=True, max_length=64)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="retrieval.datasetversion",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.UniqueConstraint(
                fields=("dataset", "number"), name="one_dataset_a_number"
            ),
        ),
        migrations.AddIndex(
            model_name="datasetitem",
            index=models.Index(
                condition=models.Q(("gone_at", None)), fields=["version"], name="items_in_use"
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetitem",
            constraint=models.UniqueConstraint(
                fields=("version", "asset_id"), name="an_asset_once_a_version"
            ),
        ),
        *[
            migrations.RunSQL(POLICY.format(table=table), NO_POLICY.format(table=table))
            for table in TABLES
        ],
    ]
