"""Which key signed an installed bundle."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0002_row_level_security")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name="modelversion",
            name="signer",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
    ]
