"""What collections declare to be good enough, and single failures of evaluations."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# When a bound was declared must not be moved: rows are added, read, and go with their collection.
NEVER_CHANGED = "REVOKE UPDATE ON retrieval_evaluationtask FROM vitrine_app"
CHANGED = "GRANT UPDATE ON retrieval_evaluationtask TO vitrine_app"
# As the tables of assets and segments have it (0002_row_level_security). What failed on a data set
# belongs to no collection.
POLICIES = """
ALTER TABLE retrieval_evaluationtask ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_evaluationtask FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_evaluationtask
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()));
ALTER TABLE retrieval_evaluationcase ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_evaluationcase FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_evaluationcase
    USING ((SELECT vitrine_is_system()) OR collection_id IS NULL
           OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR collection_id IS NULL
           OR collection_id IN (SELECT vitrine_visible_collections()));
"""
NO_POLICIES = """
DROP POLICY visible ON retrieval_evaluationtask;
ALTER TABLE retrieval_evaluationtask DISABLE ROW LEVEL SECURITY;
DROP POLICY visible ON retrieval_evaluationcase;
ALTER TABLE retrieval_evaluationcase DISABLE ROW LEVEL SECURITY;
"""
LEAKAGE_RUNS = "UPDATE retrieval_evaluationrun SET kind = 'leakage' WHERE result ? 'leakage'"


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0013_lexical"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="evaluationrun",
            name="kind",
            field=models.CharField(
                choices=[("model", "Model"), ("live", "Live"), ("leakage", "Leakage")],
                db_default="model",
                default="model",
                max_length=16,
            ),
        ),
        migrations.RunSQL(LEAKAGE_RUNS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="EvaluationTask",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("version", models.PositiveIntegerField()),
                ("pair", models.CharField(blank=True, max_length=40)),
                ("figure", models.CharField(max_length=32)),
                ("bound", models.FloatField()),
                ("margin", models.FloatField(null=True)),
                ("active", models.BooleanField(default=True)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("declared_by", models.UUIDField(null=True)),
                ("declared_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="evaluation_tasks",
                        to="retrieval.collection",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("collection", "name", "version"), name="one_task_a_version"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EvaluationCase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("pair", models.CharField(max_length=40)),
                ("position", models.PositiveIntegerField()),
                ("body", models.JSONField()),
                (
                    "assets",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), default=list, size=None
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cases",
                        to="retrieval.evaluationrun",
                    ),
                ),
            ],
            options={
                "ordering": ["run_id", "pair", "kind", "position"],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["assets"], name="cases_by_asset"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "pair", "kind", "position"), name="one_case_a_position"
                    )
                ],
            },
        ),
        migrations.RunSQL(NEVER_CHANGED, CHANGED),
        migrations.RunSQL(POLICIES, NO_POLICIES),
    ]
