"""What retention looks for is found by age, a collection at a time, among what is still there."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

LIVING = ["searchable", "withheld", "quarantined"]


def _by_age(name: str, condition: Q, field: str = "created_at") -> AddIndexConcurrently:
    index = models.Index(fields=["collection", field], condition=condition, name=name)
    return AddIndexConcurrently("asset", index)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("retrieval", "0020_parts_kept")]

    operations = [
        _by_age("rendition_by_age", Q(state__in=LIVING)),
        _by_age("vectors_by_age", Q(vectors_kept=True, state__in=["searchable", "withheld"])),
        _by_age(
            "transcript_by_age",
            Q(transcript_kept=True, state__in=LIVING) & ~Q(modality="text"),
        ),
        _by_age("thumbnail_by_age", Q(thumbnail_kept=True, state__in=LIVING)),
        _by_age(
            "put_aside_by_age",
            Q(state__in=["withheld", "quarantined", "rejected"]),
            field="state_changed_at",
        ),
    ]
