"""What a search may reach: which collections, which models, and under which rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from accounts.models import User
from audit.ids import Ids
from audit.retention import query_period
from audit.searches import default_query_period
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible, Unavailable
from retrieval.fusion import LEXICAL
from retrieval.purposes import SEARCH, asks_for_purpose, permits_search, rule_of
from retrieval.redaction.base import Profile
from retrieval.redaction.profile_compare import combined
from retrieval.selectors.assets import asset_get
from retrieval.selectors.bridges import ActiveBridge
from retrieval.selectors.models import ActiveModel, PairParameters
from retrieval.selectors.reachable import Part, QueryAsset, Reachable, reachable_read
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

    collections: Ids
    modalities: tuple[str, ...]
    models: tuple[ActiveModel, ...]
    held: dict[str, Ids]
    calibrations: tuple[PairParameters, ...]
    rules: Rules
    asset_modality: str | None
    stored: dict[str, Vector]
    bridges: tuple[ActiveBridge, ...] = ()
    consenting: Ids = field(default_factory=Ids)  # collections that show nothing without a ground


def reach_of(*, user: User, asked: Checked) -> Reach:
    """What this search may reach. One statement, and one more for an asset's vectors.

    Raises:
        NotVisible: a named collection or the query asset is none that ``user`` may read.
        NotAllowed: the query asset may be governed, but not read.
        Invalid: an unknown modality or space, or a purpose that is missing or unknown.
        Conflict: the query asset is not searchable itself.
        Unavailable: no model is installed.
    """
    reachable, asset = reachable_read(user=user, asset_id=asked.request.asset)
    parts = _named(reachable, asked.collections)
    permitted = _for_purpose(parts, asked.request.purpose, named=asked.collections is not None)
    collections = _together(reachable, permitted)
    held = _held(reachable, permitted, collections)
    if not held:
        raise Unavailable("No model is installed.")
    models, modalities = _chosen([reachable.versions[pk] for pk in held], asked)
    modality, stored = _query_asset(user, asked.request.asset, asset, reachable, models)
    chosen = {model.id for model in models}
    return Reach(
        collections=collections,
        modalities=modalities,
        models=tuple(models),
        held={model.ref: held[model.id] for model in models},
        calibrations=tuple(one for one in reachable.calibrations if one.model in chosen),
        rules=_rules(reachable, permitted, modality or "text"),
        asset_modality=modality,
        stored=stored,
        bridges=reachable.bridges(tuple(models)),
        consenting=Ids.merged(
            [part.collections for part in permitted if rule_of(part.purposes, SEARCH).required]
        ),
    )


def _named(reachable: Reachable, collections: tuple[UUID, ...] | None) -> list[Part]:
    """What is readable of the collections that the request names, or of all."""
    if collections is None:
        return list(reachable.parts)
    if not reachable.collections.frozen.issuperset(collections):
        raise NotVisible("One of the collections does not exist.")
    named = [
        (part, [one for one in collections if one in part.collections.frozen])
        for part in reachable.parts
    ]
    return [replace(part, collections=Ids.of(some)) for part, some in named if some]


def _together(reachable: Reachable, parts: list[Part]) -> Ids:
    if parts == list(reachable.parts):
        return reachable.collections
    return Ids.merged([part.collections for part in parts])


def _held(reachable: Reachable, parts: list[Part], collections: Ids) -> dict[UUID, Ids]:
    """By model version, in order of space: the collections that are searched with it.

    A collection has one version a space: its set's, or else the active one. An active version that
    no collection uses is not among them, unless there is no collection at all.
    """
    if not parts:
        return {pk: Ids() for pk in reachable.versions if pk in reachable.default}
    versions = [_versions_of(reachable, part.model_set) for part in parts]
    held: dict[UUID, Ids] = {}
    for pk in reachable.versions:
        users = [part for part, used in zip(parts, versions, strict=True) if pk in used]
        if users:
            everywhere = len(users) == len(parts)
            held[pk] = (
                collections if everywhere else Ids.merged([part.collections for part in users])
            )
    return held


def _versions_of(reachable: Reachable, model_set: str) -> frozenset[UUID]:
    named = reachable.sets.get(model_set, frozenset())
    spaces = {reachable.versions[pk].space for pk in named}
    return named | {pk for pk in reachable.default if reachable.versions[pk].space not in spaces}


def _chosen(models: list[ActiveModel], asked: Checked) -> tuple[list[ActiveModel], tuple[str, ...]]:
    """Models of a weight above 0, none where words alone are matched; the modalities to search."""
    weights = asked.request.weights
    if not set(weights) <= {LEXICAL, *(model.space for model in models)}:
        raise Invalid("There is no such space.", fields={"weights": ["Unknown space."]})
    left = [model for model in models if weights.get(model.space, 1.0) > 0]
    if not left and not (asked.words_alone and weights.get(LEXICAL, 1.0) > 0):
        raise Invalid("Nothing is left to search.", fields={"weights": ["All are 0."]})
    embedded = dict.fromkeys(m for model in left or models for m in model.modalities)
    known = dict.fromkeys((*BASE_MODALITIES, *embedded))
    if not set(asked.modalities or ()) <= set(known):
        choice = [f"One of: {', '.join(known)}."]
        raise Invalid("There is no such modality.", fields={"modalities": choice})
    everything = tuple(modality for modality in known if modality in embedded)
    return left, asked.modalities or everything


def _for_purpose(parts: list[Part], purpose: str, *, named: bool) -> list[Part]:
    """The collections that may be searched for ``purpose``; which of their assets, is asked later.

    Those that ask what a search is for are left out where it does not say, unless they are
    ``named``: then it must.
    """
    if not purpose and named and any(asks_for_purpose(part.purposes) for part in parts):
        raise Invalid(
            "A collection asks what the search is for.", fields={"purpose": ["This is required."]}
        )
    if purpose and parts and not any(purpose in part.purposes for part in parts):
        raise Invalid("There is no such purpose.", fields={"purpose": ["No such purpose."]})
    return [part for part in parts if permits_search(part.purposes, purpose)]


def _query_asset(
    user: User,
    asset_id: UUID | None,
    asset: QueryAsset | None,
    reachable: Reachable,
    models: Iterable[ActiveModel],
) -> tuple[str | None, dict[str, Vector]]:
    if asset_id is None:
        return None, {}
    if asset is None:
        raise NotVisible("There is no such asset.")
    readable = asset.collection in reachable.collections
    if not readable or asset.state != State.SEARCHABLE:
        with scope.user(user.pk):
            asset_get(user=user, asset_id=asset_id)  # NotVisible unless the user may know of it
        if not readable:
            raise NotAllowed("This asset may be governed, but not read.")
        raise Conflict("This asset cannot be searched with: it is not searchable itself.")
    with scope.user(user.pk):
        return _stored(asset_id, asset.modality, models)


def _stored(
    asset_id: UUID, own: str, models: Iterable[ActiveModel]
) -> tuple[str, dict[str, Vector]]:
    """The asset's vectors by what it is; by its words only where no model takes what it is."""
    for modality in dict.fromkeys((own, "text")):
        stored = {
            model.ref: backend().fetch(table=model.table, asset_id=asset_id, modality=modality)
            for model in models
        }
        found = {ref: vectors for ref, vectors in stored.items() if len(vectors)}
        if found:
            return modality, found
    return own, {}


def _rules(reachable: Reachable, parts: list[Part], modality: str) -> Rules:
    names = {part.redaction_profile for part in parts} or {_DEFAULT_PROFILE}
    return Rules(
        profile=combined([reachable.profile(name) for name in sorted(names)]),
        keep_query_for=query_period(
            [part.retention_rules for part in parts],
            modality=modality,
            default=default_query_period(),
        ),
    )
