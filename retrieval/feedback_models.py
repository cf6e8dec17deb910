"""What people said of hits, and the labelled queries of a collection.

A vote is its giver's own: row-level security shows it to nobody else. Stewards see figures only.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

NOTHING_RIGHT = 0  # the rank that stands for the answer as a whole


class Feedback(models.Model):
    """One person's word on one hit of one search of theirs.

    ``rank`` 0: "nothing here was right". What the record of the search said of the hit is copied,
    so that a vote can be learnt from without reading the record. ``asked`` is the query's HMAC,
    which tells a second vote on the same query from a vote on another.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    search_id = models.UUIDField()
    rank = models.PositiveIntegerField()
    relevant = models.BooleanField()
    at = models.DateTimeField(default=timezone.now)
    asked = models.BinaryField(max_length=32)
    query_modality = models.CharField(max_length=16)
    collection = models.ForeignKey(
        "retrieval.Collection", null=True, on_delete=models.CASCADE, related_name="+"
    )
    asset = models.ForeignKey(
        "retrieval.Asset", null=True, on_delete=models.CASCADE, related_name="+"
    )
    segment_id = models.BigIntegerField(null=True)  # no key: segments are made anew
    target_modality = models.CharField(max_length=16, blank=True)  # the asset's
    confidence = models.FloatField(null=True)
    verdict = models.CharField(max_length=16, blank=True)
    signals = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "feedback"
        constraints = [
            models.UniqueConstraint(fields=["user", "search_id", "rank"], name="one_vote_a_hit"),
            models.CheckConstraint(
                condition=Q(rank=0, asset=None, collection=None, relevant=False)
                | Q(rank__gt=0, asset__isnull=False, collection__isnull=False),
                name="vote_on_a_hit_or_on_the_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["collection", "at"], name="feedback_of_a_collection"),
            models.Index(fields=["user", "-at"], name="feedback_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.search_id} #{self.rank}"


class LabelledQuery(models.Model):
    """Words and one asset that answers them, for measuring search on a collection.

    ``words`` are redacted and encrypted under the asset's key, so erasing the asset destroys them
    wherever a copy lies. Those that a searcher let the stewards see hang on that searcher's vote
    and go with it; the others were written by a steward or curator.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.CASCADE, related_name="labelled_queries"
    )
    asset = models.ForeignKey("retrieval.Asset", on_delete=models.CASCADE, related_name="+")
    words = models.BinaryField()
    digest = models.BinaryField(max_length=32)  # HMAC of the words under the collection's key
    feedback = models.OneToOneField(
        Feedback, null=True, on_delete=models.CASCADE, related_name="labelled"
    )
    created_by = models.UUIDField(null=True)  # the ledger's id of who wrote it down
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "id"]
        verbose_name_plural = "labelled queries"
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "digest", "asset"],
                condition=Q(feedback=None),
                name="written_down_once",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
