"""Each scrubbing of the stores is noted; a receipt's proof from the ledger is part of what is signed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0012_ledger_batches"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="ScrubRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("done_at", models.DateTimeField()),
                ("tables", models.JSONField(default=list)),
                ("log", models.CharField(blank=True, max_length=16)),
                ("locked_ms", models.PositiveIntegerField(default=0)),
                ("not_reached", models.JSONField(default=list)),
            ],
            options={
                "ordering": ["-began_at"],
            },
        ),
        migrations.RemoveField(
            model_name="erasurereceipt",
            name="proof",
        ),
        migrations.AlterField(
            model_name="erasurereceipt",
            name="signature",
            field=models.JSONField(default=dict),
        ),
    ]
