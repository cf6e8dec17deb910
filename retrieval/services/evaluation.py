"""Evaluating an installed model beside the one in use, on labelled data; the result is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import clients
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Invalid, Unavailable
from retrieval.evaluation.compare import (
    Measured,
    comparison_json,
    own_findings,
    side_by_side,
)
from retrieval.evaluation.datasets import Dataset, DatasetError
from retrieval.evaluation.figures import figures
from retrieval.evaluation.findings import compared, ece_of
from retrieval.evaluation.questions import Question
from retrieval.evaluation.served import Progress
from retrieval.models import EvaluationRun, ModelVersion
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.selectors.promotions import present_of
from retrieval.selectors.versions import version_by_ref
from retrieval.services.evaluation_data import Data, of_collection, of_dataset, served

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The kept runs: the candidate's, which compares, and the present model's if there is one."""

    candidate: EvaluationRun
    present: EvaluationRun | None


def dataset_evaluate(
    *,
    dataset: Dataset,
    ref: str,
    against: str | None = None,
    own_data: bool = True,
    by: User | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """``ref`` and the present model on a labelled dataset, every file redacted and decoded first.

    ``against``: another model than the present one; ``own_data``: the data are like what the
    organisation holds, not a public benchmark. Slow: every file goes through the servers.

    Raises:
        NotVisible: no such model. Invalid: the dataset does not fit the model.
        Unavailable: a server does not answer.
    """
    version, present = _versions(ref, against)
    if not {"text", dataset.modality} <= set(version.modalities):
        raise Invalid(f"{ref} has no tower for text or for {dataset.modality}.")
    data = _answered(lambda: of_dataset(dataset, _both(version, present), progress=progress))
    return _kept(
        version, present, data, dataset=dataset.name, collection=None, own_data=own_data, by=by
    )


def collection_evaluate(
    *,
    collection_id: UUID,
    ref: str,
    questions: Sequence[Question] | None = None,
    against: str | None = None,
    by: User | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """``ref`` and the present model on what a collection holds; only figures come out of it.

    Raises:
        NotVisible: no such model or collection. Invalid: nothing to ask.
        Conflict: the collection changed meanwhile. Unavailable: a server does not answer.
    """
    version, present = _versions(ref, against)
    if "text" not in version.modalities:
        raise Invalid(f"{ref} has no tower for text.")
    if present is not None and "text" not in present.modalities:
        present = None
    data = _answered(
        lambda: of_collection(collection_id, questions, _both(version, present), progress=progress)
    )
    return _kept(
        version,
        present,
        data,
        dataset=f"collection {data.labels}",
        collection=collection_id,
        own_data=True,
        by=by,
    )


def local_result_keep(
    *, folder: Path, result: dict[str, Any], own_data: bool
) -> EvaluationRun | None:
    """The kept run of a result that was worked out in another way; None if nobody installed it."""
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    version = ModelVersion.objects.filter(manifest_sha256=digest).first()
    if version is None or version.ref != result["model"]:
        return None
    with transaction.atomic():
        return run_store(
            version,
            {**result, "findings": []},
            "",
            None,
            dataset=result["dataset"],
            own_data=own_data,
        )


def _versions(ref: str, against: str | None) -> tuple[ModelVersion, ModelVersion | None]:
    version = version_by_ref(ref)
    present = present_of(version) if against is None else version_by_ref(against)
    return version, None if present is not None and present.pk == version.pk else present


def _both(version: ModelVersion, present: ModelVersion | None) -> list[ModelVersion]:
    return [version] if present is None else [version, present]


def _answered(work: Callable[[], Data]) -> Data:
    try:
        return work()
    except DatasetError as error:
        raise Invalid(f"The data cannot be used: {error}.") from error
    except ModelRefused as error:
        raise Invalid(f"The model cannot be used: {error.reason}") from error
    except (ModelUnavailable, RedactionUnavailable):
        raise Unavailable("The model or the redaction server does not answer.") from None


def _kept(
    version: ModelVersion,
    present: ModelVersion | None,
    data: Data,
    *,
    dataset: str,
    collection: UUID | None,
    own_data: bool,
    by: User | None,
) -> Evaluated:
    mine = data.measured[0]
    theirs = data.measured[1] if len(data.measured) > 1 else None
    result = _result(version, data, mine, dataset)
    kept_present = None
    if theirs is not None and present is not None:
        other = _result(present, data, theirs, dataset)
        other["findings"] = _findings(theirs, other, None)
        pairs = side_by_side(mine, theirs)
        result["comparison"] = comparison_json(present.ref, pairs)
        result["findings"] = [
            *(one.to_json() for one in compared(pairs)),
            *_findings(mine, result, ece_of(other)),
        ]
        kept_present = (present, other)
    else:
        result["findings"] = _findings(mine, result, None)
    with transaction.atomic():
        where: dict[str, Any] = {
            "dataset": dataset,
            "collection_id": collection,
            "own_data": own_data,
        }
        second = None
        if kept_present is not None:
            second = run_store(kept_present[0], kept_present[1], "", by, **where)
        first = run_store(
            version, result, present.ref if kept_present and present else "", by, **where
        )
    return Evaluated(candidate=first, present=second)


def _result(version: ModelVersion, data: Data, mine: Measured, dataset: str) -> dict[str, Any]:
    found = {
        "dataset": dataset,
        "model": version.ref,
        "labels": data.labels,
        "items": data.items,
        **({"refused": data.refused} if data.refused else {}),
        **_answered_figures(version, data, mine),
    }
    resident = clients.models().health().get("memory", {}).get("resident")
    return found | ({"memory_mb": round(resident / _MEGABYTE)} if resident else {})


def _answered_figures(version: ModelVersion, data: Data, mine: Measured) -> dict[str, Any]:
    try:
        return figures(
            mine.cases,
            labelled=mine.labelled and data.labels == "labels",
            calibrations=mine.calibrations,
            text=served(version).asked,
            sentences=data.sentences,
        )
    except ModelUnavailable:
        raise Unavailable("The model server does not answer.") from None


def _findings(
    measured: Measured, result: dict[str, Any], present: float | None
) -> list[dict[str, Any]]:
    found = own_findings(measured, ece=ece_of(result), present=present)
    return [one.to_json() for one in found]


def run_store(
    version: ModelVersion, result: dict[str, Any], against: str, by: User | None, **where: Any
) -> EvaluationRun:
    """The kept run with its ledger entry, in the caller's transaction."""
    run = EvaluationRun.objects.create(
        model=version.ref,
        manifest_sha256=version.manifest_sha256,
        against=against,
        result=result,
        **where,
    )
    refs: dict[str, str | UUID] = {"model": version.ref, "evaluation": run.pk}
    if run.collection_id is not None:
        refs["collection"] = run.collection_id
    if against:
        refs["against"] = against
    ledger.record(
        event="models:version:evaluate",
        actor=None if by is None else actor_id(by),
        refs=refs,
        payload={"findings": sorted({one["code"] for one in result["findings"]})},
    )
    return run
