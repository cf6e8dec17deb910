"""What is held is counted from an index alone, and the newest assets are found by one."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retrieval", "0021_by_age")]

    operations = [
        AddIndexConcurrently(
            "asset",
            models.Index(
                fields=["collection", "modality", "state"], include=["size_bytes"], name="holdings"
            ),
        ),
        AddIndexConcurrently(
            "asset", models.Index(fields=["-created_at", "id"], name="newest_assets")
        ),
    ]
