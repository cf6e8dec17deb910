"""Legal holds; runs, pauses and warnings of retention: for the appliance itself only."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# As with blind indexes (0005): no request made for a person reads them, whatever its code does.
WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON {table}
    USING ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on')
    WITH CHECK ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on');
"""
NO_WALL = """
DROP POLICY appliance ON {table};
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""
WALLED = (
    "audit_legalhold",
    "audit_purgerun",
    "audit_purgetally",
    "audit_retentionpause",
    "audit_retentionwarning",
)


class Migration(migrations.Migration):
    # Two that came at the same time go on as one line.
    dependencies = [("audit", "0009_search_audit"), ("audit", "0009_subjects")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="ClockMark",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField()),
                ("boot", models.CharField(blank=True, max_length=36)),
                ("boot_seconds", models.FloatField(default=0)),
                ("alarm", models.CharField(blank=True, max_length=32)),
                ("alarm_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="searchrecord",
            name="held_query",
            field=models.BinaryField(null=True),
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject", models.UUIDField(null=True)),
                ("asset", models.UUIDField(null=True)),
                ("collection", models.UUIDField(null=True)),
                ("query", models.UUIDField(null=True)),
                ("home", models.UUIDField(null=True)),
                ("reason", models.CharField(max_length=500)),
                ("placed_by", models.UUIDField(null=True)),
                ("placed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("released", "Released")],
                        default="active",
                        max_length=8,
                    ),
                ),
                ("released_by", models.UUIDField(null=True)),
                ("released_at", models.DateTimeField(null=True)),
                ("release_reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ["-placed_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "active")),
                        fields=["subject"],
                        name="held_subject",
                    ),
                    models.Index(
                        condition=models.Q(("state", "active")), fields=["asset"], name="held_asset"
                    ),
                    models.Index(
                        condition=models.Q(("state", "active")),
                        fields=["collection"],
                        name="held_collection",
                    ),
                    models.Index(
                        condition=models.Q(("state", "active")), fields=["query"], name="held_query"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("asset__isnull", True),
                                ("collection__isnull", True),
                                ("query__isnull", True),
                                ("subject__isnull", False),
                            ),
                            models.Q(
                                ("asset__isnull", False),
                                ("collection__isnull", True),
                                ("query__isnull", True),
                                ("subject__isnull", True),
                            ),
                            models.Q(
                                ("asset__isnull", True),
                                ("collection__isnull", False),
                                ("query__isnull", True),
                                ("subject__isnull", True),
                            ),
                            models.Q(
                                ("asset__isnull", True),
                                ("collection__isnull", True),
                                ("query__isnull", False),
                                ("subject__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="hold_on_one_thing",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PurgeRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("done", "Done"), ("refused", "Refused")],
                        default="running",
                        max_length=8,
                    ),
                ),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("heartbeat_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("by", models.UUIDField(null=True)),
                ("until", models.DateTimeField()),
                ("step", models.CharField(blank=True, max_length=16)),
                ("resumed", models.PositiveIntegerField(default=0)),
                ("reason", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "ordering": ["-started_at"],
                "indexes": [
                    models.Index(fields=["state", "-started_at"], name="purge_runs_by_state")
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionPause",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("collection", models.UUIDField(null=True)),
                ("reason", models.CharField(max_length=500)),
                ("placed_by", models.UUIDField(null=True)),
                ("placed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("until", models.DateTimeField()),
                ("ended_by", models.UUIDField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-placed_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["until"],
                        name="pauses_in_force",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionWarning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("collection", models.UUIDField()),
                ("what", models.CharField(max_length=16)),
                ("day", models.DateField()),
                ("due", models.PositiveBigIntegerField()),
                ("warned_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("mailed", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["day", "collection", "what"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("collection", "what", "day"), name="warned_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PurgeTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("what", models.CharField(max_length=16)),
                ("collection", models.UUIDField(null=True)),
                ("purged", models.PositiveBigIntegerField(default=0)),
                ("held", models.PositiveBigIntegerField(default=0)),
                ("paused", models.PositiveBigIntegerField(default=0)),
                ("failed", models.PositiveBigIntegerField(default=0)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tallies",
                        to="audit.purgerun",
                    ),
                ),
            ],
            options={
                "ordering": ["what", "collection"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "what", "collection"),
                        name="one_tally_a_kind_and_collection",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        *[
            migrations.RunSQL(WALL.format(table=table), NO_WALL.format(table=table))
            for table in WALLED
        ],
    ]
