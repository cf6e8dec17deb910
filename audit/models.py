"""What must outlast everything else: the ledger, search records, actors and retention policies.

Nothing here has a foreign key to another room. The ledger keeps ids only, so that a deletion
elsewhere can neither delete history (CASCADE) nor rewrite hashed rows (SET NULL).
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone


class Actor(models.Model):
    """Who did something, under a random id. The name lies encrypted under the actor's own key.

    A user acts under one id for a twelfth of the actors' period and then under another; ``blind``
    leads from the user to the one in use, ``retired_blind`` to those before. The name lasts a
    period from then on. Once the key is destroyed both are emptied: nothing leads to the person.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    blind = models.BinaryField(
        max_length=32, null=True, unique=True
    )  # HMAC-SHA-256 of the user's id
    retired_blind = models.BinaryField(max_length=32, null=True)
    retired_at = models.DateTimeField(null=True)
    identity = models.BinaryField()  # AES-256-GCM under keystore ("actor", id)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(
                fields=["retired_blind"],
                condition=models.Q(retired_blind__isnull=False),
                name="actors_of_before",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class LedgerPending(models.Model):
    """An event that committed with its cause and waits, about a second at most, to be chained."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.UUIDField(null=True)
    event = models.CharField(max_length=64)
    refs = models.JSONField(default=dict)
    payload = models.TextField(blank=True)

    class Meta:
        managed = False  # audit 0003 creates it, owned by vitrine_ledger
        db_table = "audit_ledgerpending"

    def __str__(self) -> str:
        return f"{self.event} (pending {self.id})"


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    """Entries, of which there may be millions."""

    def count(self) -> int:
        """How many; for the whole ledger simply its last number, since there are no gaps."""
        if self.query.where or self.query.is_sliced or self.query.combinator:
            return super().count()
        last = self.order_by("-seq").values_list("seq", flat=True).first()
        return last or 0


class LedgerEntry(models.Model):
    """One link of the hash chain: ``hash`` is SHA-256 over the RFC 8785 form of the other fields.

    ``payload`` is empty, canonical JSON, or base64 ciphertext under the key of whom it is about.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.UUIDField(null=True)
    event = models.CharField(max_length=64)
    refs = models.JSONField(default=dict)
    payload = models.TextField(blank=True)
    prev = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        managed = False  # audit 0003 creates it, partitioned by seq, owned by vitrine_ledger
        db_table = "audit_ledgerentry"
        ordering = ["-seq"]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.seq} {self.event}"


class CollectionSet(models.Model):
    """Collections that were searched together, where they are too many to write with each record.

    Named by SHA-256 over their ids, ascending, 16 bytes each.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    collections = ArrayField(models.UUIDField())

    class Meta:
        indexes = [GinIndex(fields=["collections"], name="collections_of_a_set")]

    def __str__(self) -> str:
        return self.digest


class SearchRecord(models.Model):
    """What one search was asked of, by whom, with which models, and how sure the answer was.

    The query's text is never here. ``kept_query`` holds it encrypted under a key of this search
    until ``kept_until``; afterwards the key and the ciphertext are destroyed. ``user_id`` is
    emptied when the actor is forgotten.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now)
    actor = models.UUIDField()
    user_id = models.UUIDField(db_index=True, null=True)
    query_modality = models.CharField(max_length=16)
    query_hmac = models.BinaryField(max_length=32)
    query_redactions = models.JSONField(default=list)
    kept_query = models.BinaryField(null=True)
    kept_until = models.DateTimeField(null=True, db_index=True)
    # The query under a key of its own, while a hold is on it; see ``audit.holds``.
    held_query = models.BinaryField(null=True)
    # Which collections: here where they are few, otherwise as a set; see ``searched_in``.
    collections = ArrayField(models.UUIDField(), default=list)
    collection_set = models.ForeignKey(
        CollectionSet, null=True, on_delete=models.PROTECT, related_name="+"
    )
    modalities = ArrayField(models.CharField(max_length=16), default=list)
    models_used = ArrayField(models.CharField(max_length=100), default=list)
    parameters = models.JSONField(default=dict)
    # What the answer was computed with: model versions and bridges with their hashes, calibrations,
    # and how the vectors were searched. See ``retrieval.services.search.basis``.
    basis = models.JSONField(default=dict, db_default={})
    confident = models.BooleanField()
    hit_count = models.PositiveIntegerField()
    total_ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["-at"]),
            # For stewards, who see the searches over their collections.
            GinIndex(fields=["collections"], name="search_collections"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def searched_in(self) -> list[uuid.UUID]:
        """Ids of every collection that was searched, ascending. One query where they are many."""
        many = self.collection_set
        return sorted(self.collections if many is None else many.collections)


class Influence(models.Model):
    """Why one hit came up: signals, calibrated confidence, and what was redacted in it."""

    record = models.ForeignKey(SearchRecord, on_delete=models.CASCADE, related_name="influences")
    rank = models.PositiveIntegerField()
    asset_id = models.UUIDField(db_index=True)
    collection_id = models.UUIDField()
    segment_id = models.BigIntegerField()
    confidence = models.FloatField()
    verdict = models.CharField(max_length=16)
    signals = models.JSONField(default=list)
    redactions = models.JSONField(default=list)
    consent = models.TextField(default="not required")  # records in force, "<series>@<version>"
    # Which redaction and which data it was found in: {"redaction", "data"}.
    versions = models.JSONField(default=dict, db_default={})

    class Meta:
        ordering = ["record_id", "rank"]
        constraints = [models.UniqueConstraint(fields=["record", "rank"], name="one_hit_a_rank")]

    def __str__(self) -> str:
        return f"{self.record_id} #{self.rank}"


class RetentionPolicy(models.Model):
    """What is destroyed when: ``rules`` is a list of ``{what, modality?, after_days}``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    rules = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "retention policies"

    def __str__(self) -> str:
        return self.name


class BlindIndex(models.Model):
    """A keyed hash of one identifier that was taken out of one asset; see ``audit.blind``.

    Without the period's key it says only that the asset had an identifier of that form. The rows of
    an asset go with it, and at ``expires_at`` both row and key.
    """

    id = models.BigAutoField(primary_key=True)
    asset_id = models.UUIDField(db_index=True)
    form = models.CharField(max_length=8)  # email, phone, number, name
    digest = models.BinaryField(max_length=32)
    period = models.CharField(max_length=16)  # which key of the key store
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "blind indexes"

    def __str__(self) -> str:
        return f"{self.form} of {self.asset_id}"


# Django finds models through this module.
from audit.checkpoint_models import (  # noqa: E402, F401
    Checkpoint,
    CheckpointDelivery,
    LedgerNode,
)
from audit.disclosure_models import Disclosure  # noqa: E402, F401
from audit.erasure_models import (  # noqa: E402, F401
    ErasureCandidate,
    ErasureItem,
    ErasureReceipt,
    ErasureRequest,
    ScrubRun,
    Tombstone,
)
from audit.hold_models import (  # noqa: E402, F401
    ClockMark,
    LegalHold,
    PurgeRun,
    PurgeTally,
    RetentionPause,
    RetentionWarning,
)
from audit.monitoring_models import AnomalyFlag, MonitoringAgreement  # noqa: E402, F401
from audit.processing_models import ProcessingDetails  # noqa: E402, F401
from audit.subject_models import ConsentRecord, DataSubject  # noqa: E402, F401
