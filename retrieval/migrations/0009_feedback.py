"""Votes on hits, each its giver's own, and the labelled queries of a collection."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# A vote is seen by who gave it and by the appliance itself; labelled queries as assets are
# (0002_row_level_security).
POLICIES = """
ALTER TABLE retrieval_feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON retrieval_feedback
    USING ((SELECT vitrine_is_system())
           OR user_id = (SELECT nullif(current_setting('vitrine.user', true), '')::uuid))
    WITH CHECK ((SELECT vitrine_is_system())
           OR user_id = (SELECT nullif(current_setting('vitrine.user', true), '')::uuid));
ALTER TABLE retrieval_labelledquery ENABLE ROW LEVEL SECURITY;
ALTER TABLE retrieval_labelledquery FORCE ROW LEVEL SECURITY;
CREATE POLICY visible ON retrieval_labelledquery
    USING ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()))
    WITH CHECK ((SELECT vitrine_is_system()) OR collection_id IN (SELECT vitrine_visible_collections()));
"""
NO_POLICIES = """
DROP POLICY own ON retrieval_feedback;
ALTER TABLE retrieval_feedback DISABLE ROW LEVEL SECURITY;
DROP POLICY visible ON retrieval_labelledquery;
ALTER TABLE retrieval_labelledquery DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0008_redaction_profiles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            "SET LOCAL lock_timeout = '4s'; SET LOCAL statement_timeout = '5s'",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="Feedback",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("search_id", models.UUIDField()),
                ("rank", models.PositiveIntegerField()),
                ("relevant", models.BooleanField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("asked", models.BinaryField(max_length=32)),
                ("query_modality", models.CharField(max_length=16)),
                ("segment_id", models.BigIntegerField(null=True)),
                ("target_modality", models.CharField(blank=True, max_length=16)),
                ("confidence", models.FloatField(null=True)),
                ("verdict", models.CharField(blank=True, max_length=16)),
                ("signals", models.JSONField(default=list)),
                (
                    "asset",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.asset",
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "feedback",
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(fields=["collection", "at"], name="feedback_of_a_collection"),
                    models.Index(fields=["user", "-at"], name="feedback_of_a_person"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "search_id", "rank"), name="one_vote_a_hit"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("asset", None),
                                ("collection", None),
                                ("rank", 0),
                                ("relevant", False),
                            ),
                            models.Q(
                                ("asset__isnull", False),
                                ("collection__isnull", False),
                                ("rank__gt", 0),
                            ),
                            _connector="OR",
                        ),
                        name="vote_on_a_hit_or_on_the_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LabelledQuery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("words", models.BinaryField()),
                ("digest", models.BinaryField(max_length=32)),
                ("created_by", models.UUIDField(null=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.asset",
                    ),
                ),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labelled_queries",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "feedback",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labelled",
                        to="retrieval.feedback",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "labelled queries",
                "ordering": ["-at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("feedback", None)),
                        fields=("collection", "digest", "asset"),
                        name="written_down_once",
                    )
                ],
            },
        ),
        migrations.RunSQL(POLICIES, NO_POLICIES),
    ]
