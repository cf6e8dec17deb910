"""Data subjects and the records of consent, read and written by the appliance itself only."""

import uuid
from typing import Any

import django.contrib.postgres.fields
import django.utils.timezone
from django.db import migrations, models

# No request made for a person can read or write them, whatever its code does; see retrieval.scope.
POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY appliance ON {table}
    USING ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on')
    WITH CHECK ((SELECT coalesce(current_setting('vitrine.system', true), 'off')) = 'on');
"""
NO_POLICY = """
DROP POLICY appliance ON {table};
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""


def _words(length: int, **more: Any) -> Any:
    """An array of short words."""
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.CharField(max_length=length), size=None, **more
    )


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_erasures")]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="influence",
            name="consent",
            field=models.TextField(default="not required"),
        ),
        migrations.CreateModel(
            name="DataSubject",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("identifier", models.BinaryField(null=True)),
                ("identifier_blind", models.BinaryField(max_length=32, null=True, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("restricted", "Restricted"),
                            ("objected", "Objected"),
                            ("erased", "Erased"),
                        ],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("restricted_at", models.DateTimeField(blank=True, null=True)),
                ("objected_at", models.DateTimeField(blank=True, null=True)),
                ("erased_at", models.DateTimeField(blank=True, null=True)),
                ("tick", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-created_at", "id"],
                "indexes": [
                    models.Index(fields=["state", "-created_at"], name="subjects_by_state")
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentRecord",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject", models.UUIDField(db_index=True)),
                ("series", models.UUIDField(db_index=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("supersedes", models.UUIDField(blank=True, null=True)),
                ("superseded_at", models.DateTimeField(blank=True, null=True)),
                ("purposes", _words(16)),
                ("legal_basis", models.CharField(max_length=32)),
                ("special_condition", models.CharField(blank=True, max_length=1)),
                ("data_categories", _words(100, blank=True, default=list)),
                ("recipients", _words(200, blank=True, default=list)),
                ("jurisdictions", _words(16, blank=True, default=list)),
                ("controller", models.CharField(blank=True, max_length=300)),
                ("controller_contact", models.CharField(blank=True, max_length=300)),
                ("storage_location", models.CharField(blank=True, max_length=300)),
                ("collection_method", models.CharField(blank=True, max_length=100)),
                ("withdrawal_method", models.CharField(blank=True, max_length=300)),
                ("notice_ref", models.CharField(blank=True, max_length=300)),
                ("language", models.CharField(blank=True, max_length=16)),
                ("starts_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("expired_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawal", models.JSONField(blank=True, default=dict)),
                ("collected_by", models.UUIDField(blank=True, null=True)),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("given_tick", models.PositiveIntegerField()),
                ("withdrawn_tick", models.PositiveIntegerField(blank=True, null=True)),
                ("next_change_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-recorded_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_change_at__isnull", False)),
                        fields=["next_change_at"],
                        name="consents_to_change",
                    ),
                    models.Index(fields=["-recorded_at"], name="consents_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("series", "version"), name="one_record_a_version"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at", None),
                            ("expires_at__gt", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="consent_begins_before_it_ends",
                    ),
                ],
            },
        ),
        *[
            migrations.RunSQL(POLICY.format(table=table), NO_POLICY.format(table=table))
            for table in ("audit_datasubject", "audit_consentrecord")
        ],
    ]
