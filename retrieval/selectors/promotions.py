"""What stands for and against putting a model version in use."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, Q

from retrieval.errors import Conflict
from retrieval.evaluation.findings import Finding
from retrieval.evaluation.tasks import task_findings
from retrieval.models import Calibration, EvaluationRun, ModelSetVersion, ModelVersion
from retrieval.selectors.evaluation_tasks import gate_verdicts
from retrieval.selectors.versions import version_by_ref


@dataclass(frozen=True, kw_only=True)
class Review:
    """``version`` in the place of ``replaced`` (None: beside what is there).

    ``blocked`` says why it cannot be done at all, empty where it can; ``findings`` are what its
    latest ``evaluations`` and its own state say against it.
    """

    version: ModelVersion
    replaced: ModelVersion | None
    evaluations: tuple[EvaluationRun, ...]
    findings: tuple[Finding, ...]
    blocked: str

    @property
    def gating(self) -> tuple[Finding, ...]:
        """The findings that only force with a reason overrules."""
        return tuple(one for one in self.findings if one.gates)


def present_of(version: ModelVersion) -> ModelVersion | None:
    """The active version that ``version`` would stand in for or beside: what it is compared with.

    That of its own space; else, of other spaces, the one that shares most modalities with it. One
    query.
    """
    active = list(
        ModelVersion.objects.filter(status=ModelVersion.Status.ACTIVE)
        .exclude(pk=version.pk)
        .select_related("space", "vector_table")
        .order_by("space_id")
    )
    same = next((one for one in active if one.space_id == version.space_id), None)
    if same is not None:
        return same
    mine = set(version.modalities)
    best = max(active, key=lambda one: len(mine & set(one.modalities)), default=None)
    return best if best is not None and mine & set(best.modalities) else None


def promotion_review(
    *, ref: str, collection: UUID | None = None, replaces: str | None = None
) -> Review:
    """What would stand against ``promote`` now. A few queries.

    Raises:
        NotVisible: no such model.
        Conflict: ``replaces`` is not in use, or its space's own version would have to make room.
    """
    version = version_by_ref(ref)
    same = ModelVersion.objects.filter(
        space_id=version.space_id, status=ModelVersion.Status.ACTIVE
    ).exclude(pk=version.pk)
    replaced = same.select_related("space").first()
    if replaces is not None and (replaced is None or replaced.ref != replaces):
        if replaced is not None:
            raise Conflict(f"{version.ref} takes the place of {replaced.ref}, not of {replaces}.")
        replaced = version_by_ref(replaces)
        if replaced.status != ModelVersion.Status.ACTIVE or collection is not None:
            raise Conflict(f"{replaces} cannot make room: it is not in use everywhere.")
    return review_of(version=version, replaced=replaced, collection=collection)


def review_of(
    *, version: ModelVersion, replaced: ModelVersion | None, collection: UUID | None
) -> Review:
    """The review of one version in the place of another."""
    present = replaced or present_of(version)
    runs = latest_runs(version=version, present=present, collection=collection)
    found = [
        *_evaluated(version, present, runs),
        *(Finding(**one) for run in runs for one in run.result.get("findings", [])),
        *task_findings(gate_verdicts(version=version, collection=collection)),
        *_uncalibrated(version),
        *_lost(version, replaced),
    ]
    once = {(one.code, one.where): one for one in reversed(found)}
    return Review(
        version=version,
        replaced=replaced,
        evaluations=tuple(runs),
        findings=tuple(reversed(once.values())),
        blocked=_blocked(version, collection),
    )


def latest_runs(
    *, version: ModelVersion, present: ModelVersion | None, collection: UUID | None
) -> list[EvaluationRun]:
    """The newest run of each dataset that says something about this bundle against ``present``.

    Runs of another bundle that once had the name, or from before its calibrations were fitted, say
    nothing; nor do, for one collection, those on others.
    """
    own = Calibration.objects.filter(model_version=version, collection=None)
    fitted = own.aggregate(at=Max("created_at"))["at"]
    rows = EvaluationRun.objects.filter(
        model=version.ref,
        manifest_sha256=version.manifest_sha256,
        against="" if present is None else present.ref,
        kind=EvaluationRun.Kind.MODEL,  # leakage says nothing of how well it finds things
    )
    if fitted is not None:
        rows = rows.filter(created_at__gte=fitted)
    if collection is not None:
        rows = rows.filter(Q(collection_id=collection) | Q(collection=None))
    newest: dict[tuple[str, UUID | None], EvaluationRun] = {}
    for run in rows.order_by("-created_at"):
        newest.setdefault((run.dataset, run.collection_id), run)
    return list(newest.values())


def _evaluated(
    version: ModelVersion, present: ModelVersion | None, runs: list[EvaluationRun]
) -> list[Finding]:
    if not runs:
        beside = "" if present is None else f" against {present.ref}"
        return [Finding("not-evaluated", "", f"{version.ref} was not evaluated{beside}.")]
    if not any(run.own_data for run in runs):
        return [Finding("not-own-data", "", "It was evaluated on public data only.")]
    return []


def _uncalibrated(version: ModelVersion) -> list[Finding]:
    asked = "text" if "text" in version.modalities else None
    rows = Calibration.objects.filter(model_version=version, collection=None)
    if asked is not None:
        rows = rows.filter(query_modality=asked)
    fitted = set(rows.values_list("target_modality", flat=True))
    return [
        Finding(
            "uncalibrated",
            f"{asked or 'any'}-{target}",
            "No calibration: never a confident match.",
        )
        for target in sorted(version.modalities)
        if target not in fitted
    ]


def _lost(version: ModelVersion, replaced: ModelVersion | None) -> list[Finding]:
    if replaced is None:
        return []
    others = ModelVersion.objects.filter(status=ModelVersion.Status.ACTIVE)
    left = set(version.modalities).union(
        *(one.modalities for one in others.exclude(pk__in=[replaced.pk, version.pk]))
    )
    return [
        Finding("loses", modality, f"Nothing would embed {modality} any more.")
        for modality in sorted(set(replaced.modalities) - left)
    ]


def _blocked(version: ModelVersion, collection: UUID | None) -> str:
    if collection is None:
        active = version.status == ModelVersion.Status.ACTIVE
        return f"{version.ref} is in use already." if active else ""
    used = ModelSetVersion.objects.filter(
        version=version, model_set__in=[f"collection-{collection}"]
    ).exists()
    return f"{version.ref} is in use there already." if used else ""
