"""Checkpoints, their way to sinks, hashes of subtrees; actors change their id, and names go."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0010_holds"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("tree_size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.CharField(max_length=64)),
                ("head_hash", models.CharField(max_length=64)),
                ("latest_at", models.DateTimeField()),
                ("signed_at", models.DateTimeField()),
                ("key_id", models.CharField(max_length=32)),
                ("document", models.JSONField()),
            ],
            options={
                "ordering": ["-tree_size"],
            },
        ),
        migrations.CreateModel(
            name="CheckpointDelivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sink", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("problem", models.CharField(blank=True, max_length=100)),
            ],
            options={
                "verbose_name_plural": "checkpoint deliveries",
            },
        ),
        migrations.CreateModel(
            name="LedgerNode",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("level", models.PositiveSmallIntegerField()),
                ("place", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
            ],
        ),
        migrations.AddField(
            model_name="actor",
            name="retired_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="actor",
            name="retired_blind",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddIndex(
            model_name="actor",
            index=models.Index(
                condition=models.Q(("retired_blind__isnull", False)),
                fields=["retired_blind"],
                name="actors_of_before",
            ),
        ),
        migrations.AddField(
            model_name="checkpointdelivery",
            name="checkpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="audit.checkpoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgernode",
            constraint=models.UniqueConstraint(fields=("level", "place"), name="one_node_a_place"),
        ),
        migrations.AddIndex(
            model_name="checkpointdelivery",
            index=models.Index(
                condition=models.Q(("delivered_at", None)),
                fields=["next_try_at"],
                name="deliveries_that_wait",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkpointdelivery",
            constraint=models.UniqueConstraint(
                fields=("checkpoint", "sink"), name="one_delivery_a_sink"
            ),
        ),
    ]
