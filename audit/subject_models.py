"""People whom assets are about, and on what grounds what is about them is processed.

A subject is a random id. The identifier it is found by lies encrypted under the subject's own key;
its blind index is keyed, so that the same identifier finds the same subject and nothing else is
learnt from it. Row-level security shows both tables to the appliance itself only.
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class DataSubject(models.Model):
    """One person, under a random id.

    ``state`` is the strongest of what holds: restriction and objection have moments of their own,
    so that lifting one leaves the other. ``tick`` counts what was said for or against processing,
    in the order in which it was said, whatever the clock does.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        RESTRICTED = "restricted"  # GDPR Art. 18
        OBJECTED = "objected"  # GDPR Art. 21
        ERASED = "erased"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    identifier = models.BinaryField(null=True)  # AES-256-GCM under keystore ("subject", id)
    identifier_blind = models.BinaryField(max_length=32, null=True, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    restricted_at = models.DateTimeField(null=True, blank=True)
    objected_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    tick = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["state", "-created_at"], name="subjects_by_state")]

    def __str__(self) -> str:
        return str(self.id)


class ConsentRecord(models.Model):
    """On what ground what is about one person may be used: one version of one record.

    The fields are those of ISO/IEC TS 27560:2023, the words of purpose and ground those of the Data
    Privacy Vocabulary. A record is never rewritten: a later ``version`` in the same ``series``
    takes its place from ``superseded_at`` on. ``given_tick`` and ``withdrawn_tick`` are the
    subject's count when it was recorded and withdrawn: only what was recorded after a withdrawal
    counts again. ``next_change_at`` is when time alone changes what it permits.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.UUIDField(db_index=True)
    series = models.UUIDField(db_index=True)  # id of the first version
    version = models.PositiveIntegerField(default=1)
    supersedes = models.UUIDField(null=True, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)
    purposes = ArrayField(models.CharField(max_length=16))  # search, training, raw_access
    legal_basis = models.CharField(max_length=32)
    special_condition = models.CharField(max_length=1, blank=True)  # letter of GDPR Art. 9(2)
    data_categories = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    recipients = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    jurisdictions = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    controller = models.CharField(max_length=300, blank=True)
    controller_contact = models.CharField(max_length=300, blank=True)
    storage_location = models.CharField(max_length=300, blank=True)
    collection_method = models.CharField(max_length=100, blank=True)
    withdrawal_method = models.CharField(max_length=300, blank=True)
    notice_ref = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=16, blank=True)  # BCP 47, of the notice
    starts_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)  # noticed; stays, whatever the clock
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawal = models.JSONField(default=dict, blank=True)  # {"how", "by"}: a word, an actor
    collected_by = models.UUIDField(null=True, blank=True)  # the ledger's id of who recorded it
    recorded_at = models.DateTimeField(default=timezone.now)
    given_tick = models.PositiveIntegerField()
    withdrawn_tick = models.PositiveIntegerField(null=True, blank=True)
    next_change_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-recorded_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["series", "version"], name="one_record_a_version"),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("starts_at")),
                name="consent_begins_before_it_ends",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_change_at"],
                condition=Q(next_change_at__isnull=False),
                name="consents_to_change",
            ),
            models.Index(fields=["-recorded_at"], name="consents_newest"),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """``<series>@<version>``: what a search names as its ground."""
        return f"{self.series}@{self.version}"
