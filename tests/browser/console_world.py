"""An organisation with something on every page of the console, and every address the console has.

An address whose parameters nobody gave an example for fails the walk, so that a new page cannot
be forgotten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from accounts.models import User
from audit.actors import actor_for
from audit.chaining import chain_pending
from audit.checkpoints import checkpoint_now
from audit.consents import Terms
from audit.erasure_models import ErasureItem, ErasureReceipt, ErasureRequest
from audit.hold_models import LegalHold, PurgeRun, PurgeTally, RetentionPause
from audit.monitoring_models import AnomalyFlag, MonitoringAgreement
from audit.search_rows import InfluenceData
from audit.searches import record_search
from retrieval import scope
from retrieval.dataset_models import Dataset, DatasetVersion
from retrieval.models import Calibration, EvaluationRun, ModelVersion
from retrieval.services.consents import consent_record, subject_register
from retrieval.services.disclosures import disclosure_request
from retrieval.services.linking import subjects_link
from tests.factories import (
    PASSWORD,
    grant,
    make_asset,
    make_collection,
    make_policy,
    make_review,
    make_team,
    make_user,
)

# Django's own, which are no pages, or nobody's here.
NO_PAGES = {"jsi18n", "autocomplete", "view_on_site", "logout", "login", "search", "app_list"}
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


@dataclass
class Organisation:
    """People in each role, and an example for each parameter of an address."""

    governor: User
    steward: User
    operator: User
    outsider: User
    hidden: tuple[str, ...] = ("Board papers", "a reason nobody else reads")
    examples: dict[str, str] = field(default_factory=dict)


def organisation() -> Organisation:
    """One with two collections, of which the steward governs the first."""
    people = {
        "governor": make_user(
            "gwen",
            password=PASSWORD,
            is_staff=True,
            is_governor=True,
            is_operator=True,
            may_create_collections=True,
        ),
        "steward": make_user("stella", password=PASSWORD, is_staff=True),
        "operator": make_user("olga", password=PASSWORD, is_staff=True, is_operator=True),
        "outsider": make_user("finn", password=PASSWORD),
    }
    made = Organisation(**people)
    policy = make_policy({"what": "raw", "after_days": 30})
    needed = {"search": {"consent": "required", "legal_basis": "consent"}}
    letters = make_collection("Letters", purposes=needed, retention_policy=policy)
    papers = make_collection("Board papers")
    held = grant(letters, made.steward, "steward")
    grant(letters, made.governor, "steward")
    made.examples |= {"grant_id": str(held.pk), "number": "1"}
    grant(papers, make_team(made.governor, slug="board"), "curator")
    _fill(made, letters, papers)
    return made


def _fill(made: Organisation, letters: Any, papers: Any) -> None:
    due = timezone.now() + timedelta(days=5)
    found = [{"kind": "PERSON", "count": 3}, {"kind": "EMAIL_ADDRESS", "count": 1}]
    asset = make_asset(
        letters, segments=("Dear <PERSON_1>",), redactions=found, raw_kept_until=due, raw=b"x" * 900
    )
    for state, modality in (
        ("searchable", "image"),
        ("received", "audio"),
        ("rejected", "text"),
        ("searchable", "text"),
    ):
        make_asset(letters, state=state, modality=modality, redactions=found[:1])
    review = make_review(make_asset(letters, state="quarantined", reason="low-confidence"))
    hidden = make_asset(papers, modality="image", title="Board papers")
    _people(made, asset)
    _records(made, letters.pk, papers.pk, asset.pk, hidden.pk)
    _models(letters)
    _watched(made, letters.pk, asset.pk)
    made.examples |= {
        "collection_id": str(letters.pk),
        "asset_id": str(asset.pk),
        "review_id": str(review.pk),
        "name": "standard",
        "kind": "record",
        "form": "json",
    }


def _people(made: Organisation, asset: Any) -> None:
    by = made.governor
    subject = subject_register(by=by, identifier="mira@example.org")
    subject_id = getattr(subject, "id", None) or subject.subject.pk
    consent_record(by=by, subject_id=subject_id, terms=Terms(purposes=["search"]))
    subjects_link(by=by, asset_id=asset.pk, subject_ids=[subject_id], via="console")
    made.examples["subject_id"] = str(subject_id)


def _records(made: Organisation, letters: UUID, papers: UUID, asset: UUID, hidden: UUID) -> None:
    actor = actor_for(made.governor.pk, made.governor.username)
    with scope.system():
        LegalHold.objects.create(asset=asset, home=letters, reason="a case", placed_by=actor)
        LegalHold.objects.create(
            collection=papers, home=papers, reason="a reason nobody else reads", placed_by=actor
        )
        RetentionPause.objects.create(
            reason="stocktaking", until=timezone.now() + timedelta(days=2), placed_by=actor
        )
        run = PurgeRun.objects.create(state="done", until=timezone.now(), step="")
        PurgeTally.objects.create(run=run, what="raw", collection=letters, purged=4, held=1)
        search = record_search(
            user_id=made.steward.pk,
            user_label=made.steward.username,
            query_modality="text",
            query=b'{"text":"letters to somebody"}',
            query_redactions=[],
            collections=[letters, papers],
            modalities=["text", "image"],
            models_used=["starter@1"],
            parameters={},
            confident=True,
            keep_query_for=timedelta(hours=24),
            influences=[
                InfluenceData(
                    rank=rank, asset_id=one, collection_id=home, segment_id=1,
                    confidence=0.8, verdict="match",
                )
                for rank, (one, home) in enumerate([(asset, letters), (hidden, papers)], start=1)
            ],
        )  # fmt: skip
    made.examples["search_id"] = str(getattr(search, "pk", search))
    disclosure_request(
        by=made.governor, search_id=UUID(made.examples["search_id"]), reason="a case at court"
    )


def _watched(made: Organisation, letters: UUID, asset: UUID) -> None:
    now, actor = timezone.now(), actor_for(made.governor.pk, made.governor.username)
    with scope.system():
        agreement = MonitoringAgreement.objects.create(
            reference="Works agreement 7",
            agreed_on=now.date(),
            opens=time(8),
            closes=time(18),
            weekdays=[1, 2, 3, 4, 5],
            time_zone="UTC",
            begun_by=actor,
        )
        AnomalyFlag.objects.create(
            agreement=agreement,
            kind="bulk-probing",
            actor=actor,
            since=now - timedelta(hours=1),
            until=now,
            evidence={"searches": 400},
            expires_at=now + timedelta(days=9),
        )
        erasure = ErasureRequest.objects.create(
            asset=asset, collection=letters, requested_by=actor, state="awaiting_approval"
        )
        ErasureItem.objects.create(request=erasure, asset=asset, collection=letters, via="named")
        ErasureReceipt.objects.create(request=erasure, seq=1, partial=True, body={}, signature={})
        dataset = Dataset.objects.create(collection_id=letters, name="letters")
        DatasetVersion.objects.create(dataset=dataset, number=1, modality="text", size=3)
    chain_pending()
    checkpoint = checkpoint_now()
    made.examples["size"] = str(checkpoint.pk)


def _models(letters: Any) -> None:
    version = ModelVersion.objects.first()
    if version is not None:
        Calibration.objects.get_or_create(
            model_version=version, query_modality="text", target_modality="image",
            defaults={"parameters": {}},
        )  # fmt: skip
    EvaluationRun.objects.create(model="starter@1", dataset="town-photos", result={"items": 10})
    del letters


@dataclass(frozen=True)
class Address:
    """One address of the console, by the name its test reports carry."""

    name: str
    path: str


def addresses(made: Organisation) -> list[Address]:
    """Every page, with the examples in the places of its parameters.

    Raises:
        AssertionError: there is no example for a parameter; give ``organisation`` one.
    """
    models = {f"{m._meta.app_label}/{m._meta.model_name}/": m for m in admin.site._registry}
    found, missing = [], []
    for name, route in _routes(admin.site.get_urls()):
        if name is None or name in NO_PAGES or name.endswith("view_on_site"):
            continue
        model = next((one for start, one in models.items() if route.startswith(start)), None)
        path = route
        for hit in _PARAMETER.finditer(route):
            example = _example(made, model, hit[1] or hit[2])
            if not example:
                missing.append(f"{name}: {hit[0]}")
            path = path.replace(hit[0], example)
        found.append(Address(name, f"/console/{path}"))
    assert not missing, f"no example for {missing}"
    return found


def _routes(patterns: list[Any], start: str = "") -> list[tuple[str | None, str]]:
    found: list[tuple[str | None, str]] = []
    for one in patterns:
        route = start + str(one.pattern).removeprefix("^").removesuffix("$")
        if isinstance(one, URLResolver):
            found += _routes(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            found.append((one.name, route))
    return found


def _example(made: Organisation, model: Any, parameter: str) -> str:
    """What stands for a parameter: an example, or a row of the list it belongs to."""
    if parameter in made.examples:
        return made.examples[parameter]
    if model is None or not (parameter == "object_id" or parameter.endswith("_id")):
        return ""
    with scope.system():
        row = model.objects.first()
    return str(row.pk) if row is not None else EMPTY.get(model._meta.label, "")


# Nothing of these is there for longer than a moment, or at all: an id that nothing has.
_NOTHING = "00000000-0000-4000-8000-000000000000"
EMPTY: dict[str, str] = {
    "audit.LedgerPending": "1",
    "audit.LedgerEntry": "1",
    "retrieval.IdempotencyKey": "1",
    "retrieval.RedactionProfile": _NOTHING,
    "retrieval.EvaluationTask": _NOTHING,
}
