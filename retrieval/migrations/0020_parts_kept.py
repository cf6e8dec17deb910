"""Which parts of an asset are still kept; a part whose period was over is not made anew."""

from django.db import migrations, models


def _kept(part: str) -> migrations.AddField:
    return migrations.AddField(
        "asset", f"{part}_kept", models.BooleanField(default=True, db_default=True)
    )


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0019_permitted_until")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        _kept("vectors"),
        _kept("transcript"),
        _kept("thumbnail"),
    ]
