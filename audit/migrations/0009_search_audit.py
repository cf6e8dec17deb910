"""Disclosure of kept queries, monitoring under an agreement, and what a record of processing says.

Disclosures and flags are about people: no request made for a person can read or write them,
whatever its code does; see retrieval.scope.
"""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

POLICY = "".join(
    f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON {table}
    USING ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on')
    WITH CHECK ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on');
"""
    for table in ("audit_disclosure", "audit_anomalyflag")
)
NO_POLICY = "".join(
    f"DROP POLICY appliance ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
    for table in ("audit_disclosure", "audit_anomalyflag")
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_erasures")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="Disclosure",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("search", models.UUIDField(db_index=True)),
                ("searcher", models.UUIDField(db_index=True)),
                ("reason", models.BinaryField()),
                ("requested_by", models.UUIDField()),
                ("requester_role", models.CharField(max_length=16)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("kept_until", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                            ("lapsed", "Lapsed"),
                        ],
                        default="requested",
                        max_length=16,
                    ),
                ),
                ("decided_by", models.UUIDField(null=True)),
                ("decider_role", models.CharField(blank=True, max_length=16)),
                ("decided_at", models.DateTimeField(null=True)),
                ("shown_until", models.DateTimeField(null=True)),
                ("times_shown", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["-requested_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "requested")),
                        fields=("search", "requested_by"),
                        name="one_open_disclosure_a_person",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MonitoringAgreement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=200)),
                ("agreed_on", models.DateField()),
                ("opens", models.TimeField()),
                ("closes", models.TimeField()),
                (
                    "weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), size=None
                    ),
                ),
                ("time_zone", models.CharField(max_length=64)),
                ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("begun_by", models.UUIDField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.UUIDField(null=True)),
            ],
            options={
                "ordering": ["-begun_at"],
                "constraints": [
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("ended_at", None)),
                        name="one_agreement_at_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AnomalyFlag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("bulk-probing", "Bulk Probing"),
                            ("near-duplicates", "Near Duplicates"),
                            ("off-hours-raw", "Off Hours Raw"),
                        ],
                        max_length=24,
                    ),
                ),
                ("actor", models.UUIDField(db_index=True)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("evidence", models.JSONField(default=dict)),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "agreement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="flags",
                        to="audit.monitoringagreement",
                    ),
                ),
            ],
            options={
                "ordering": ["-since", "kind"],
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "actor", "since"), name="flagged_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ProcessingDetails",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("body", models.JSONField(default=dict)),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("by", models.UUIDField(null=True)),
            ],
            options={"verbose_name_plural": "processing details", "ordering": ["-at"]},
        ),
        migrations.RunSQL(POLICY, NO_POLICY),
    ]
