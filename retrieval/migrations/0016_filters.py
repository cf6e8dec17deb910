"""What a search filters assets by is found through an index, where few pass."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retrieval", "0015_visible")]

    operations = [
        AddIndexConcurrently("asset", models.Index(fields=["captured_at"], name="captured")),
        AddIndexConcurrently(
            "asset", models.Index(fields=["source"], condition=~Q(source=""), name="sources")
        ),
    ]
