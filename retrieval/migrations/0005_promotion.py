"""Promotions, and what an evaluation was made of: which bundle, against which, on whose data."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0004_reembed"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="evaluationrun",
            name="against",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="evaluationrun",
            name="collection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="evaluations",
                to="retrieval.collection",
            ),
        ),
        migrations.AddField(
            model_name="evaluationrun",
            name="manifest_sha256",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="evaluationrun",
            name="own_data",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("replaced_ref", models.CharField(blank=True, max_length=100)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("actor", models.UUIDField(null=True)),
                ("forced", models.BooleanField(default=False)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("evaluations", models.JSONField(default=list)),
                ("findings", models.JSONField(default=list)),
                ("rolled_back_at", models.DateTimeField(null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="promotions",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "replaced",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="retrieval.modelversion",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="promotions",
                        to="retrieval.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
            },
        ),
    ]
