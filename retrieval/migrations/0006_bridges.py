"""Bridges between the spaces of two model versions, and gaps between the modalities of one."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0005_promotion"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="Bridge",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("method", models.CharField(max_length=16)),
                ("centred", models.BooleanField()),
                ("file", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64)),
                ("texts", models.PositiveIntegerField()),
                ("texts_sha256", models.CharField(max_length=64)),
                ("figures", models.JSONField(default=dict)),
                ("calibrations", models.JSONField(default=list)),
                ("learnt_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bridges_out",
                        to="retrieval.modelversion",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bridges_in",
                        to="retrieval.modelversion",
                    ),
                ),
            ],
            options={"ordering": ["source__name", "target__name"]},
        ),
        migrations.AddConstraint(
            model_name="bridge",
            constraint=models.UniqueConstraint(
                fields=("source", "target"), name="one_bridge_a_direction"
            ),
        ),
        migrations.AddConstraint(
            model_name="bridge",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("target")), _negated=True),
                name="bridge_joins_two_versions",
            ),
        ),
        migrations.CreateModel(
            name="Gap",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("modality", models.CharField(max_length=16)),
                ("figures", models.JSONField(default=dict)),
                ("measured_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "model_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gaps",
                        to="retrieval.modelversion",
                    ),
                ),
            ],
            options={"ordering": ["model_version_id", "modality"]},
        ),
        migrations.AddConstraint(
            model_name="gap",
            constraint=models.UniqueConstraint(
                fields=("model_version", "modality"), name="one_gap_a_modality"
            ),
        ),
    ]
