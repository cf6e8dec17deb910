"""What an evaluation comes to: its result put together, its findings, and the run that is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import clients
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Invalid, Unavailable
from retrieval.evaluation.analysis import Analysis, analysis
from retrieval.evaluation.compare import Measured, own_findings
from retrieval.evaluation.datasets import DatasetError
from retrieval.evaluation.failures import CaseRecord
from retrieval.evaluation.figures import figures
from retrieval.evaluation.findings import ece_of
from retrieval.models import EvaluationRun, ModelVersion
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.redaction.language import language_of
from retrieval.services.evaluation_cases import cases_store
from retrieval.services.evaluation_data import Data, served

_MEGABYTE = 1024 * 1024
_T = TypeVar("_T")


def answered(work: Callable[[], _T]) -> _T:
    """What ``work`` gives, with errors of data and servers in this room's words.

    Raises:
        Invalid: the data or the model cannot be used. Unavailable: a server does not answer.
    """
    try:
        return work()
    except DatasetError as error:
        raise Invalid(f"The data cannot be used: {error}.") from error
    except ModelRefused as error:
        raise Invalid(f"The model cannot be used: {error.reason}") from error
    except (ModelUnavailable, RedactionUnavailable):
        raise Unavailable("The model or the redaction server does not answer.") from None


def result_of(version: ModelVersion, data: Data, mine: Measured, dataset: str) -> dict[str, Any]:
    """The contract's result of one version, without comparison and findings.

    Raises:
        Unavailable: the model server does not answer.
    """
    found = {
        "dataset": dataset,
        "model": version.ref,
        "labels": data.labels,
        "items": data.items,
        **({"refused": data.refused} if data.refused else {}),
        **_figures(version, data, mine),
    }
    resident = clients.models().health().get("memory", {}).get("resident")
    return found | ({"memory_mb": round(resident / _MEGABYTE)} if resident else {})


def looked_at(version: ModelVersion, mine: Measured, data: Data) -> Analysis:
    """Failures and prompts; the languages of what was asked where a collection was."""
    collection = data.labels not in {"captions", "labels"}
    return answered(
        lambda: analysis(
            mine.cases,
            mine.named,
            labelled=mine.labelled,
            text=served(version).texts,
            language=language_of if collection else None,
        )
    )


def _figures(version: ModelVersion, data: Data, mine: Measured) -> dict[str, Any]:
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


def findings_of(
    measured: Measured, result: dict[str, Any], present: float | None
) -> list[dict[str, Any]]:
    """What a result says against its model; ``present``: the calibration error of the other."""
    found = own_findings(measured, ece=ece_of(result), present=present)
    return [one.to_json() for one in found]


def run_store(
    version: ModelVersion,
    result: dict[str, Any],
    against: str,
    by: User | None,
    *,
    records: Sequence[CaseRecord] = (),
    **where: Any,
) -> EvaluationRun:
    """The kept run with its cases and its ledger entry, in the caller's transaction."""
    run = EvaluationRun.objects.create(
        model=version.ref,
        manifest_sha256=version.manifest_sha256,
        against=against,
        result=result if where.get("collection_id") or not where["own_data"] else _nameless(result),
        **where,
    )
    cases_store(run, records)
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


def _nameless(result: dict[str, Any]) -> dict[str, Any]:
    """The result without names of files, which only the cases have: those are for operators."""
    failures = {
        pair: {
            **one,
            "hubness": {
                **one["hubness"],
                "hubs": [
                    {key: value for key, value in hub.items() if key != "id"}
                    for hub in one["hubness"]["hubs"]
                ],
            },
        }
        for pair, one in result.get("failures", {}).items()
    }
    return {**result, "failures": failures} if failures else result


def local_result_keep(
    *,
    folder: Path,
    result: dict[str, Any],
    own_data: bool,
    records: Sequence[CaseRecord] = (),
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
            records=records,
        )
