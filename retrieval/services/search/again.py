"""A recorded search put together again from its record, for replay and for "why not this?"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from accounts.models import User
from audit.ids import Ids
from audit.models import SearchRecord
from retrieval import access
from retrieval.access import Permission
from retrieval.models import Collection
from retrieval.purposes import SEARCH, permits_search, rule_of
from retrieval.selectors.bridges import bridges_between
from retrieval.selectors.models import ActiveModel, calibrations_of, model_by_ref
from retrieval.selectors.profiles import profile_named
from retrieval.services.search.basis import calibrations_stamp
from retrieval.services.search.carrying import Carried
from retrieval.services.search.checks import Checked
from retrieval.services.search.kept import Kept
from retrieval.services.search.query import Query
from retrieval.services.search.reach import Reach, Rules
from retrieval.services.search.types import SearchRequest

_ANY_PROFILE = "standard"  # nothing is redacted again: the kept query is redacted


@dataclass(frozen=True)
class Change:
    """What is not as it was when the search was recorded: a code, and a sentence about it."""

    code: str
    detail: str


@dataclass(frozen=True)
class Again:
    """A search as it was asked, over what of it ``user`` may search now."""

    asked: Checked
    reach: Reach
    query: Query
    changes: tuple[Change, ...]


def search_again(
    *, user: User, record: SearchRecord, kept: Kept, top_k: int | None = None
) -> Again:
    """The same question with the recorded vectors, parameters and model versions.

    ``top_k`` asks for more than was answered. Call inside ``scope.user``; some seven queries.
    """
    changes: list[Change] = []
    searched = record.searched_in
    permitted = _permitted(user, record, searched)
    if len(permitted) < len(searched):
        gone = len(searched) - len(permitted)
        changes.append(
            Change("grants-changed", f"{_many(gone, 'collection')} can no longer be searched.")
        )
    models = _models(record, changes)
    held = {model.ref: _held(kept.held.get(model.ref), searched, permitted) for model in models}
    reach = Reach(
        collections=Ids.of(permitted),
        modalities=tuple(record.modalities),
        models=tuple(models),
        held=held,
        calibrations=tuple(calibrations_of(models=models, collections=_calibrated(permitted))),
        rules=Rules(profile=profile_named(_ANY_PROFILE), keep_query_for=timedelta(0)),
        asset_modality=None,
        stored={},
        bridges=tuple(bridges_between(models)),
        consenting=_consenting(permitted),
    )
    then = record.basis.get("calibrations")
    if then is not None and then != calibrations_stamp(reach) and len(permitted) == len(searched):
        changes.append(
            Change("calibration-changed", "What similarities are worth was fitted anew since.")
        )
    query = _query(record, kept, reach, changes)
    asked = _asked(record, kept, top_k)
    return Again(asked=asked, reach=reach, query=query, changes=tuple(changes))


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _permitted(user: User, record: SearchRecord, searched: list[UUID]) -> list[UUID]:
    """What was searched and may be searched now, in the recorded order."""
    readable = set(access.collections_with(user=user, permission=Permission.READ))
    purpose = str(record.parameters.get("purpose", ""))
    rows = Collection.objects.filter(id__in=readable.intersection(searched))
    allowed = {
        pk for pk, rules in rows.values_list("id", "purposes") if permits_search(rules, purpose)
    }
    return [one for one in searched if one in allowed]


def _consenting(collections: list[UUID]) -> Ids:
    rows = Collection.objects.filter(id__in=collections).values_list("id", "purposes")
    return Ids.of(pk for pk, rules in rows if rule_of(rules, SEARCH).required)


def _calibrated(collections: list[UUID]) -> list[UUID]:
    rows = Collection.objects.filter(id__in=collections, calibrated=True)
    return list(rows.values_list("id", flat=True))


def _models(record: SearchRecord, changes: list[Change]) -> list[ActiveModel]:
    """The recorded versions that are still what they were."""
    models = []
    then: dict[str, dict[str, Any]] = record.basis.get("models", {})
    for ref in then or dict.fromkeys(record.models_used):
        model = model_by_ref(ref)
        if model is None:
            changes.append(Change("model-gone", f"The model {ref} is not installed any more."))
        elif ref in then and then[ref]["manifest_sha256"] != model.manifest_sha256:
            changes.append(
                Change("model-replaced", f"Under the name {ref} other files are installed now.")
            )
        else:
            models.append(model)
    return models


def _held(places: list[int] | None, searched: list[UUID], permitted: list[UUID]) -> Ids:
    if places is None:
        return Ids.of(permitted)
    own = {searched[place] for place in places if place < len(searched)}
    return Ids.of([one for one in permitted if one in own])


def _query(record: SearchRecord, kept: Kept, reach: Reach, changes: list[Change]) -> Query:
    bridges = {bridge.ref: bridge for bridge in reach.bridges}
    carried: dict[str, Carried] = {}
    then: dict[str, str] = record.basis.get("bridges", {})
    for ref, one in kept.carried.items():
        bridge = bridges.get(one.bridge)
        if bridge is None or then.get(one.bridge, bridge.sha256) != bridge.sha256:
            changes.append(Change("bridge-changed", f"The bridge {one.bridge} is another by now."))
        else:
            carried[ref] = Carried(one.vector, one.own, bridge, one.modalities)
    return Query(
        components=kept.components,
        redactions=record.query_redactions,
        canonical=kept.canonical,
        vectors=dict(kept.vectors),
        carried=carried,
        parts={ref: list(parts) for ref, parts in kept.parts.items()},
        words=kept.text if kept.components == ("text",) else None,
    )


def _asked(record: SearchRecord, kept: Kept, top_k: int | None) -> Checked:
    given = record.parameters
    request = SearchRequest(
        text=kept.text,
        asset=kept.asset,
        filters=kept.filters,
        purpose=str(given.get("purpose", "")),
        top_k=top_k or int(given["top_k"]),
        include_uncertain=bool(given["include_uncertain"]),
        fusion=given["fusion"],
        weights=given["weights"],
    )
    return Checked(
        request=request, text=kept.text, modalities=tuple(record.modalities), collections=None
    )
