"""Evaluating an installed model beside the one in use, on labelled data; the result is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from retrieval.errors import Invalid
from retrieval.evaluation.compare import Measured, comparison_json, side_by_side
from retrieval.evaluation.datasets import Dataset
from retrieval.evaluation.domain import domain_fall
from retrieval.evaluation.findings import compared, ece_of
from retrieval.evaluation.questions import Question
from retrieval.evaluation.served import Progress
from retrieval.models import EvaluationRun, ModelVersion
from retrieval.selectors.promotions import present_of
from retrieval.selectors.versions import version_by_ref
from retrieval.services.evaluation_data import Data, of_collection, of_dataset
from retrieval.services.evaluation_keep import (
    answered,
    findings_of,
    looked_at,
    result_of,
    run_store,
)
from retrieval.services.evaluation_pace import paced


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
    home: Dataset | None = None,
    own_data: bool = True,
    by: User | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """``ref`` and the present model on a labelled dataset, every file redacted and decoded first.

    ``against``: another model than the present one; ``home``: a dataset like what it was fitted on,
    against which its fall is told; ``own_data``: the data are like what the organisation holds, not
    a public benchmark. Slow: every file goes through the servers, behind all searches.

    Raises:
        NotVisible: no such model. Invalid: the dataset does not fit the model.
        Unavailable: a server does not answer.
    """
    version, present = _versions(ref, against)
    if not {"text", dataset.modality} <= set(version.modalities):
        raise Invalid(f"{ref} has no tower for text or for {dataset.modality}.")
    if home is not None and home.modality not in version.modalities:
        raise Invalid(f"{ref} has no tower for {home.modality}.")
    with paced():
        data = answered(lambda: of_dataset(dataset, _both(version, present), progress=progress))
        there = None
        if home is not None:
            there = answered(lambda: of_dataset(home, [version], progress=progress)).measured[0]
        return _kept(
            version,
            present,
            data,
            dataset=dataset.name,
            home=None if home is None or there is None else (home.name, there),
            collection=None,
            own_data=own_data,
            by=by,
        )


def collection_evaluate(
    *,
    collection_id: UUID,
    ref: str,
    questions: Sequence[Question] | None = None,
    titles: bool = False,
    against: str | None = None,
    by: User | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """``ref`` and the present model on what a collection holds; ids and figures come out of it.

    Asked are ``questions``, else its labelled queries, else (or with ``titles``) titles.

    Raises:
        NotVisible: no such model or collection. Invalid: nothing to ask.
        Conflict: the collection changed meanwhile. Unavailable: a server does not answer.
    """
    version, present = _versions(ref, against)
    if "text" not in version.modalities:
        raise Invalid(f"{ref} has no tower for text.")
    if present is not None and "text" not in present.modalities:
        present = None
    with paced():
        data = answered(
            lambda: of_collection(
                collection_id,
                questions,
                _both(version, present),
                titles=titles,
                progress=progress,
            )
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


def _versions(ref: str, against: str | None) -> tuple[ModelVersion, ModelVersion | None]:
    version = version_by_ref(ref)
    present = present_of(version) if against is None else version_by_ref(against)
    return version, None if present is not None and present.pk == version.pk else present


def _both(version: ModelVersion, present: ModelVersion | None) -> list[ModelVersion]:
    return [version] if present is None else [version, present]


def _kept(
    version: ModelVersion,
    present: ModelVersion | None,
    data: Data,
    *,
    dataset: str,
    collection: UUID | None,
    own_data: bool,
    by: User | None,
    home: tuple[str, Measured] | None = None,
) -> Evaluated:
    mine = data.measured[0]
    theirs = data.measured[1] if len(data.measured) > 1 else None
    result = result_of(version, data, mine, dataset)
    looked = looked_at(version, mine, data)
    result |= looked.result
    if home is not None:
        fall = domain_fall(
            home[1].cases,
            mine.cases,
            mine.calibrations,
            labelled=mine.labelled or home[1].labelled,
        )
        result["out_of_domain"] = {"home": home[0], **fall}
    kept_present = None
    if theirs is not None and present is not None:
        other = result_of(present, data, theirs, dataset)
        other["findings"] = findings_of(theirs, other, None)
        pairs = side_by_side(mine, theirs)
        result["comparison"] = comparison_json(present.ref, pairs, other)
        result["findings"] = [
            *(one.to_json() for one in compared(pairs)),
            *findings_of(mine, result, ece_of(other)),
        ]
        kept_present = (present, other)
    else:
        result["findings"] = findings_of(mine, result, None)
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
            version,
            result,
            present.ref if kept_present and present else "",
            by,
            records=looked.records,
            **where,
        )
    return Evaluated(candidate=first, present=second)
