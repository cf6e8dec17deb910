"""What a search may reach: which collections, which models, and under which rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from accounts.models import User
from audit.retention import query_period
from audit.searches import default_query_period
from retrieval import access
from retrieval.access import Permission
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible, Unavailable
from retrieval.models import Asset, Collection
from retrieval.redaction.base import Profile
from retrieval.redaction.profile_compare import combined
from retrieval.selectors.assets import asset_get
from retrieval.selectors.bridges import ActiveBridge, bridges_between
from retrieval.selectors.models import (
    ActiveModel,
    PairParameters,
    calibrations_of,
    models_for,
)
from retrieval.selectors.profiles import profile_named
from retrieval.services.search.checks import Checked
from retrieval.states import State
from retrieval.vectors import Vector, backend

BASE_MODALITIES = ("image", "audio", "text")
_DEFAULT_PROFILE = "standard"  # where nothing is searched, so that no collection says


@dataclass(frozen=True)
class Rules:
    """What the searched collections ask of a search together."""

    profile: Profile
    keep_query_for: timedelta


@dataclass(frozen=True)
class Reach:
    """What is read before a model runs, at one moment: a swap in between changes nothing here.

    ``held``: by model ref, the collections that are searched with that version; each collection
    has one version a space. ``stored``: the query asset's vectors, by model ref.
    """

    collections: tuple[UUID, ...]
    modalities: tuple[str, ...]
    models: tuple[ActiveModel, ...]
    held: dict[str, tuple[UUID, ...]]
    calibrations: tuple[PairParameters, ...]
    rules: Rules
    asset_modality: str | None
    stored: dict[str, Vector]
    bridges: tuple[ActiveBridge, ...] = ()


def reach_of(*, user: User, asked: Checked) -> Reach:
    """What ``user`` may search with this request, read inside ``scope.user``.

    Raises:
        NotVisible: a collection or the query asset is not there for this user.
        NotAllowed: the query asset may be known of, but not read.
        Invalid: an unknown modality or space, or a purpose that is missing or unknown.
        Conflict: the query asset is not searchable itself.
        Unavailable: no model is installed.
    """
    readable = access.collections_with(user=user, permission=Permission.READ)
    wanted = readable if asked.collections is None else list(asked.collections)
    if not set(wanted) <= set(readable):
        raise NotVisible("One of the collections does not exist.")
    policies = _policies(wanted)
    permitted = _for_purpose(policies, asked.request.purpose)
    held = {one.model.ref: one for one in models_for({c.id: c.model_set for c in permitted})}
    if not held:
        raise Unavailable("No model is installed.")
    models, modalities = _chosen([one.model for one in held.values()], asked)
    modality, stored = _query_asset(user, asked.request.asset, set(readable), models)
    return Reach(
        collections=tuple(policy.id for policy in permitted),
        modalities=modalities,
        models=tuple(models),
        held={ref: one.collections for ref, one in held.items()},
        calibrations=tuple(calibrations_of(models=models)),
        rules=_rules(permitted, modality or "text"),
        asset_modality=modality,
        stored=stored,
        bridges=tuple(bridges_between(models)),
    )


def _chosen(models: list[ActiveModel], asked: Checked) -> tuple[list[ActiveModel], tuple[str, ...]]:
    """Models of a weight above 0, and the modalities to search."""
    weights = asked.request.weights
    if not set(weights) <= {model.space for model in models}:
        raise Invalid("There is no such space.", fields={"weights": ["Unknown space."]})
    models = [model for model in models if weights.get(model.space, 1.0) > 0]
    if not models:
        raise Invalid("Nothing is left to search.", fields={"weights": ["All are 0."]})
    embedded = dict.fromkeys(m for model in models for m in model.modalities)
    known = dict.fromkeys((*BASE_MODALITIES, *embedded))
    if not set(asked.modalities or ()) <= set(known):
        choice = [f"One of: {', '.join(known)}."]
        raise Invalid("There is no such modality.", fields={"modalities": choice})
    everything = tuple(modality for modality in known if modality in embedded)
    return models, asked.modalities or everything


def _policies(collections: Iterable[UUID]) -> list[Collection]:
    wanted = Collection.objects.filter(id__in=list(collections))
    return list(
        wanted.select_related("retention_policy").only(
            "id", "redaction_profile", "purposes", "model_set", "retention_policy__rules"
        )
    )


def _needs_consent(collection: Collection, purpose: str) -> bool:
    rule: dict[str, Any] = collection.purposes.get(purpose) or {}
    return bool(rule.get("consent", "not_required") != "not_required")


def _for_purpose(collections: list[Collection], purpose: str) -> list[Collection]:
    """The collections that may be searched for ``purpose``.

    No consent can be looked up yet, so where one is needed nothing is shown.
    """
    strict = [c for c in collections if any(_needs_consent(c, name) for name in c.purposes)]
    if strict and not purpose:
        raise Invalid(
            "A collection asks what the search is for.", fields={"purpose": ["This is required."]}
        )
    if purpose and collections and not any(purpose in c.purposes for c in collections):
        raise Invalid("There is no such purpose.", fields={"purpose": ["No such purpose."]})
    return [
        c
        for c in collections
        if c not in strict
        or (
            purpose in c.purposes
            and not _needs_consent(c, purpose)
            and not _needs_consent(c, "search")
        )
    ]


def _query_asset(
    user: User, asset_id: UUID | None, readable: set[UUID], models: Iterable[ActiveModel]
) -> tuple[str | None, dict[str, Vector]]:
    if asset_id is None:
        return None, {}
    asset = Asset.objects.filter(id=asset_id).only("collection_id", "state", "modality").first()
    if asset is None:
        raise NotVisible("There is no such asset.")
    if asset.collection_id not in readable or asset.state != State.SEARCHABLE:
        asset_get(user=user, asset_id=asset_id)  # NotVisible unless the user may know of it
        if asset.collection_id not in readable:
            raise NotAllowed("This asset may be governed, but not read.")
        raise Conflict("This asset cannot be searched with: it is not searchable itself.")
    # By what it is; by its words only where no model takes what it is.
    for modality in (asset.modality, "text"):
        stored = {
            model.ref: backend().fetch(table=model.table, asset_id=asset_id, modality=modality)
            for model in models
        }
        found = {ref: vectors for ref, vectors in stored.items() if len(vectors)}
        if found:
            return modality, found
    return asset.modality, {}


def _rules(collections: list[Collection], modality: str) -> Rules:
    names = {c.redaction_profile for c in collections} or {_DEFAULT_PROFILE}
    policies = [c.retention_policy.rules if c.retention_policy else [] for c in collections]
    return Rules(
        profile=combined([profile_named(name) for name in sorted(names)]),
        keep_query_for=query_period(policies, modality=modality, default=default_query_period()),
    )
