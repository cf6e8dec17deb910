"""What is about to run out is found through an index."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retrieval", "0018_subjects")]

    operations = [
        AddIndexConcurrently(
            "asset",
            models.Index(
                fields=["permitted_until"],
                condition=Q(permitted_until__isnull=False),
                name="permitted_until",
            ),
        ),
    ]
