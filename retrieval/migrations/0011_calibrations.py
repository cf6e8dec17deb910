"""Calibrations of one collection, proposed from feedback and promoted by its steward."""

import django.db.models.deletion
from django.db import migrations, models

# Those of a version are for everybody, as the version is; those of a collection as its assets are.
POLICIES = """
ALTER TABLE retrieval_calibration ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_calibration FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_calibration
    USING (collection_id IS NULL OR (SELECT vitrine_is_system()) OR vitrine_sees(collection_id))
    WITH CHECK (collection_id IS NULL OR (SELECT vitrine_is_system()) OR vitrine_sees(collection_id));
"""
NO_POLICIES = """
DROP POLICY visible ON retrieval_calibration;
ALTER TABLE retrieval_calibration DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0010_shards")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="collection",
            name="calibrated",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="calibration",
            name="collection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="calibrations",
                to="retrieval.collection",
            ),
        ),
        migrations.AddField(
            model_name="calibration",
            name="status",
            field=models.CharField(
                choices=[
                    ("proposed", "Proposed"),
                    ("active", "Active"),
                    ("retired", "Retired"),
                ],
                db_default="active",
                default="active",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="calibration",
            name="provenance",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AlterModelOptions(
            name="calibration",
            options={
                "ordering": [
                    "model_version_id",
                    "query_modality",
                    "target_modality",
                    "-created_at",
                ]
            },
        ),
        migrations.RemoveConstraint(model_name="calibration", name="one_calibration_a_pair"),
        migrations.AddConstraint(
            model_name="calibration",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "active")),
                fields=("model_version", "query_modality", "target_modality", "collection"),
                name="one_active_calibration_a_pair",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(POLICIES, NO_POLICIES),
    ]
