"""Requests for erasure, their receipts and tombstones; written and read by the appliance itself only."""

import uuid

import django.contrib.postgres.fields
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
    "audit_erasurerequest",
    "audit_erasureitem",
    "audit_erasurecandidate",
    "audit_erasurereceipt",
)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_collection_sets"),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="ErasureRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject", models.UUIDField(db_index=True, null=True)),
                ("asset", models.UUIDField(db_index=True, null=True)),
                ("collection", models.UUIDField(db_index=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("awaiting_approval", "Awaiting Approval"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("held", "Held"),
                            ("failed", "Failed"),
                        ],
                        db_index=True,
                        default="awaiting_approval",
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=64)),
                ("requested_by", models.UUIDField(null=True)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_by", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("plan", models.CharField(blank=True, max_length=64)),
                ("before", models.JSONField(null=True)),
                ("erased_at", models.DateTimeField(null=True)),
                ("scrubbed_at", models.DateTimeField(null=True)),
                ("scrubbing", models.JSONField(default=dict)),
                ("done_at", models.DateTimeField(null=True)),
                ("claim", models.UUIDField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["-requested_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asset__isnull", True), ("subject__isnull", False)),
                            models.Q(("asset__isnull", False), ("subject__isnull", True)),
                            _connector="OR",
                        ),
                        name="erasure_of_a_subject_or_an_asset",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "awaiting_approval", "running", "held"])
                        ),
                        fields=("subject",),
                        name="one_erasure_a_subject",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "awaiting_approval", "running", "held"])
                        ),
                        fields=("asset",),
                        name="one_erasure_an_asset",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("asset", "Asset"), ("subject", "Subject")], max_length=8
                    ),
                ),
                ("object_id", models.UUIDField()),
                ("erased_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("request", models.UUIDField(null=True)),
                ("filed", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("filed", False)), fields=["id"], name="not_filed_yet"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "object_id"), name="erased_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ErasureReceipt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("seq", models.PositiveIntegerField()),
                ("partial", models.BooleanField(default=False)),
                ("body", models.JSONField()),
                ("signature", models.JSONField()),
                ("proof", models.JSONField(null=True)),
                ("issued_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="receipts",
                        to="audit.erasurerequest",
                    ),
                ),
            ],
            options={
                "ordering": ["request_id", "seq"],
                "constraints": [
                    models.UniqueConstraint(fields=("request", "seq"), name="one_receipt_a_number")
                ],
            },
        ),
        migrations.CreateModel(
            name="ErasureItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asset", models.UUIDField(db_index=True)),
                ("collection", models.UUIDField()),
                ("via", models.CharField(max_length=16)),
                ("others", models.PositiveIntegerField(default=0)),
                ("approved", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("due", "Due"),
                            ("held", "Held"),
                            ("erased", "Erased"),
                            ("gone", "Gone"),
                        ],
                        default="due",
                        max_length=8,
                    ),
                ),
                (
                    "holds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), default=list, size=None
                    ),
                ),
                ("erased_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="audit.erasurerequest",
                    ),
                ),
            ],
            options={
                "ordering": ["request_id", "asset"],
                "constraints": [
                    models.UniqueConstraint(fields=("request", "asset"), name="one_item_an_asset")
                ],
            },
        ),
        migrations.CreateModel(
            name="ErasureCandidate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("asset", models.UUIDField(db_index=True)),
                ("collection", models.UUIDField()),
                (
                    "decision",
                    models.CharField(
                        choices=[("open", "Open"), ("include", "Include"), ("exclude", "Exclude")],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("by", models.UUIDField(null=True)),
                ("at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="candidates",
                        to="audit.erasurerequest",
                    ),
                ),
            ],
            options={
                "ordering": ["request_id", "asset"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("request", "asset"), name="one_candidate_an_asset"
                    )
                ],
            },
        ),
        *[
            migrations.RunSQL(WALL.format(table=table), NO_WALL.format(table=table))
            for table in WALLED
        ],
    ]
