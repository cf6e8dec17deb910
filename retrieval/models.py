"""Collections and grants, assets and segments, and the models whose vectors find them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from retrieval.states import RawState, State


def default_purposes() -> dict[str, dict[str, str]]:
    """The purposes of a new collection.

    Consent is not required, and no legal basis is named yet.
    """
    return {
        purpose: {"consent": "not_required", "legal_basis": ""}
        for purpose in ("search", "training", "raw_access")
    }


class Collection(models.Model):
    """A body of assets with one set of rules.

    Who may read it, how it is redacted, how long it is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    redaction_profile = models.CharField(max_length=64, default="standard")
    retention_policy = models.ForeignKey(
        "audit.RetentionPolicy", null=True, blank=True, on_delete=models.PROTECT
    )
    model_set = models.CharField(max_length=64, default="default")
    purposes = models.JSONField(default=default_purposes)
    # Whether it has active calibrations of its own, so that search looks for them only where so.
    calibrated = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a grant lets its holder do; see ``retrieval.access`` for the order and the meaning."""

    SEARCHER = "searcher"
    CONTRIBUTOR = "contributor"
    CURATOR = "curator"
    STEWARD = "steward"


class Grant(models.Model):
    """A role in one collection for one user or one team, perhaps until a date."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="grants",
    )
    team = models.ForeignKey(
        "accounts.Team", null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    raw = models.BooleanField(
        default=False, help_text="May see the unredacted original, with a reason."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["collection_id", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, team__isnull=True)
                | Q(user__isnull=True, team__isnull=False),
                name="grant_names_a_user_or_a_team",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.collection_id}"


class Asset(models.Model):
    """One uploaded file and what became of it.

    The original bytes and the rendition lie encrypted in the blob store, under a key of this
    asset. Titles and metadata are redacted before they are stored here.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="assets")
    state = models.CharField(
        max_length=16, choices=[(s.value, s.value) for s in State], default=State.RECEIVED
    )
    reason = models.CharField(max_length=64, blank=True)  # a code, e.g. "password-protected"
    reason_detail = models.CharField(max_length=300, blank=True)  # one sentence for a person
    raw_state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in RawState], default=RawState.KEPT
    )
    raw_kept_until = models.DateTimeField(null=True, blank=True)
    # False once the part's period was over: it is not made anew, whatever else happens.
    vectors_kept = models.BooleanField(default=True, db_default=True)
    transcript_kept = models.BooleanField(default=True, db_default=True)
    thumbnail_kept = models.BooleanField(default=True, db_default=True)
    # Known once the bytes have been looked at.
    modality = models.CharField(max_length=16, blank=True)
    source_type = models.CharField(max_length=100, blank=True)  # MIME type of the original, sniffed
    media_type = models.CharField(max_length=100, blank=True)  # MIME type of the rendition
    title = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=300, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    # HMAC of the content's SHA-256, keyed per collection.
    digest = models.BinaryField(max_length=32)
    size_bytes = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    redactions = models.JSONField(default=list, blank=True)  # [{"kind", "count"}]
    language = models.CharField(max_length=16, blank=True)  # ISO 639-1; empty: undecided
    profile_version = models.CharField(max_length=64, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    state_changed_at = models.DateTimeField(default=timezone.now)
    # A stage holds a claim while it works. Whoever finishes must still hold it, so a stage that
    # was given up and started again elsewhere cannot write twice.
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    claimed_by = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    # What permits it to be searched, as of when that last changed: records of consent as
    # "<series>@<version>", and until when they do; see ``retrieval.services.withholding``.
    ground = models.TextField(blank=True, default="", db_default="")
    permitted_until = models.DateTimeField(null=True, blank=True)
    # The state that it was taken out of for want of a ground, and returns to.
    withheld_from = models.CharField(max_length=16, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "digest"], name="same_content_once")
        ]
        indexes = [
            models.Index(fields=["collection", "-created_at"]),
            models.Index(fields=["state", "claimed_until"]),
            # What the console counts, from the index alone, and what it lists first.
            models.Index(
                fields=["collection", "modality", "state"], include=["size_bytes"], name="holdings"
            ),
            models.Index(fields=["-created_at", "id"], name="newest_assets"),
            models.Index(
                fields=["raw_kept_until"], condition=Q(raw_state="kept"), name="raw_to_purge"
            ),
            # What retention looks for: what is still there, by age, and what was put aside.
            models.Index(
                fields=["collection", "created_at"],
                condition=Q(state__in=["searchable", "withheld", "quarantined"]),
                name="rendition_by_age",
            ),
            models.Index(
                fields=["collection", "created_at"],
                condition=Q(vectors_kept=True, state__in=["searchable", "withheld"]),
                name="vectors_by_age",
            ),
            models.Index(
                fields=["collection", "created_at"],
                condition=Q(
                    transcript_kept=True, state__in=["searchable", "withheld", "quarantined"]
                )
                & ~Q(modality="text"),
                name="transcript_by_age",
            ),
            models.Index(
                fields=["collection", "created_at"],
                condition=Q(
                    thumbnail_kept=True, state__in=["searchable", "withheld", "quarantined"]
                ),
                name="thumbnail_by_age",
            ),
            models.Index(
                fields=["collection", "state_changed_at"],
                condition=Q(state__in=["withheld", "quarantined", "rejected"]),
                name="put_aside_by_age",
            ),
            # What a search filters by, where few pass.
            models.Index(fields=["captured_at"], name="captured"),
            models.Index(fields=["source"], condition=~Q(source=""), name="sources"),
            models.Index(
                fields=["permitted_until"],
                condition=Q(permitted_until__isnull=False),
                name="permitted_until",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ProvenanceStep(models.Model):
    """One thing that was done to an asset: by whom or by which component, in which version."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="provenance")
    at = models.DateTimeField(default=timezone.now)
    step = models.CharField(max_length=64)
    component = models.CharField(max_length=100)
    version = models.CharField(max_length=64, blank=True)
    actor = models.UUIDField(null=True)  # the ledger's id of the person, where a person did it

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.step} {self.component} {self.version}"


class Segment(models.Model):
    """The unit that is embedded and found: a whole image, a chunk of text, a window of sound."""

    class Kind(models.TextChoices):
        WHOLE = "whole"
        CHUNK = "chunk"
        PAGE = "page"
        TIME = "time"

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="segments")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    modality = models.CharField(max_length=16)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    ordinal = models.PositiveIntegerField()
    text = models.TextField(blank=True)  # redacted
    page = models.PositiveIntegerField(null=True)
    start = models.PositiveIntegerField(null=True)  # characters in the redacted rendition
    end = models.PositiveIntegerField(null=True)
    start_ms = models.PositiveBigIntegerField(null=True)
    end_ms = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["asset_id", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "ordinal"], name="one_segment_an_ordinal")
        ]

    def __str__(self) -> str:
        return f"{self.asset_id}/{self.ordinal}"


class Space(models.Model):
    """A vector space. Vectors of two spaces are never compared without a bridge."""

    name = models.SlugField(primary_key=True, max_length=64)
    dimension = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """An installed encoder bundle; ``ref`` (name@version) is how every answer names it."""

    class Status(models.TextChoices):
        INSTALLED = "installed"
        ACTIVE = "active"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=64)
    version = models.CharField(max_length=32)
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="versions")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.INSTALLED)
    modalities = models.JSONField(default=list)
    manifest = models.JSONField(default=dict)
    manifest_sha256 = models.CharField(max_length=64)
    signed = models.BooleanField(default=False)
    signer = models.CharField(max_length=64, blank=True)  # fingerprint of the key that signed it
    unsigned_reason = models.CharField(max_length=300, blank=True)
    installed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_bundle_a_version"),
            models.UniqueConstraint(
                fields=["space"], condition=Q(status="active"), name="one_active_version_a_space"
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


class VectorTable(models.Model):
    """The catalogue of vector tables: one per model version, created by the owner role."""

    model_version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="vector_table"
    )
    table = models.CharField(max_length=63, unique=True)
    dimension = models.PositiveIntegerField()
    shards = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.table


class ModelSet(models.Model):
    """Versions that some collections use instead of the active ones; ``Collection.model_set``.

    The set ``default`` has no row: it is the active versions.
    """

    name = models.SlugField(primary_key=True, max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class ModelSetVersion(models.Model):
    """The version a set uses in one space; in every other space the active one serves."""

    model_set = models.ForeignKey(ModelSet, on_delete=models.CASCADE, related_name="versions")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="in_sets")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model_set", "space"], name="one_version_a_space_in_a_set"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model_set_id}: {self.space_id}"


class ReembedJob(models.Model):
    """Filling one version's vector table from what is already stored; at most one job a version.

    It walks the segments by id, round after round, until a whole round finds nothing to mend.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model_version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="reembed"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    reason = models.CharField(max_length=64, blank=True)  # a code, where it failed or waits
    total = models.PositiveBigIntegerField(default=0)  # segments to embed, as of the round's start
    done = models.PositiveBigIntegerField(default=0)  # of them, those behind the cursor
    cursor = models.BigIntegerField(default=0)  # id of the last segment dealt with in this round
    round = models.PositiveIntegerField(default=1)
    mended = models.PositiveBigIntegerField(default=0)  # vectors written or removed this round
    # Assets that could not be embedded: [{"asset": id, "code": word}], the first of them.
    problems = models.JSONField(default=list, blank=True)
    # Segments a second at most; none: as the searches beside it allow.
    rate_limit = models.FloatField(null=True, blank=True)
    rate = models.FloatField(default=0.0)  # segments a second lately
    duty = models.FloatField(default=1.0)  # share of its time it works now; less beside searches
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Who works on it now, as with an asset: whoever writes must still hold the claim.
    claim = models.UUIDField(null=True, blank=True)
    claimed_by = models.CharField(max_length=200, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.model_version_id}: {self.state}"


class Calibration(models.Model):
    """How a similarity becomes a probability for one pair of modalities.

    Of a version everywhere, or, where a steward promoted one learnt from feedback, of what one
    ``collection`` holds. Only ``active`` ones are searched with; ``Collection.calibrated`` says
    which collections have any.
    """

    class Status(models.TextChoices):
        PROPOSED = "proposed"
        ACTIVE = "active"
        RETIRED = "retired"

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="calibrations"
    )
    query_modality = models.CharField(max_length=16)
    target_modality = models.CharField(max_length=16)
    collection = models.ForeignKey(
        Collection, null=True, blank=True, on_delete=models.CASCADE, related_name="calibrations"
    )
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.ACTIVE, db_default=Status.ACTIVE
    )
    parameters = models.JSONField()
    fitted_on = models.CharField(max_length=300, blank=True)
    # What it was learnt from and what it changes: counts and figures, no one's words.
    provenance = models.JSONField(default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["model_version_id", "query_modality", "target_modality", "-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_version", "query_modality", "target_modality", "collection"],
                condition=Q(status="active"),
                nulls_distinct=False,
                name="one_active_calibration_a_pair",
            )
        ]

    def __str__(self) -> str:
        return f"{self.query_modality} to {self.target_modality}"


class EvaluationRun(models.Model):
    """The figures of one evaluation of one model, or of search as it is, on one dataset."""

    class Kind(models.TextChoices):
        MODEL = "model"
        LIVE = "live"  # through the search itself, whatever models it used
        LEAKAGE = "leakage"  # what vectors tell about people

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.CharField(max_length=100)
    # What was evaluated under that name; empty for a bundle that is not installed.
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    against = models.CharField(max_length=100, blank=True)  # the model it was compared with
    dataset = models.CharField(max_length=200)
    # Whose assets were the data, if they were a collection's.
    collection = models.ForeignKey(
        Collection, null=True, blank=True, on_delete=models.CASCADE, related_name="evaluations"
    )
    own_data = models.BooleanField(default=False)  # not a public benchmark
    kind = models.CharField(
        max_length=16, choices=Kind.choices, default=Kind.MODEL, db_default=Kind.MODEL
    )
    result = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.model} on {self.dataset}"


# Django finds models through this module.
from retrieval.bridge_models import Bridge, Gap  # noqa: E402, F401
from retrieval.dataset_models import Dataset, DatasetItem, DatasetVersion  # noqa: E402, F401
from retrieval.evaluation_models import EvaluationCase, EvaluationTask  # noqa: E402, F401
from retrieval.feedback_models import Feedback, LabelledQuery  # noqa: E402, F401
from retrieval.idempotency_models import IdempotencyKey  # noqa: E402, F401
from retrieval.profile_models import RedactionProfile, Reredaction  # noqa: E402, F401
from retrieval.promotion_models import Promotion  # noqa: E402, F401
from retrieval.review_models import RedactionReport, Review  # noqa: E402, F401
from retrieval.stamp_models import Stamp  # noqa: E402, F401
from retrieval.subject_models import AssetSubject  # noqa: E402, F401
from retrieval.vector_models import CollectionShard, ShardStamp, VectorTuning  # noqa: E402, F401
