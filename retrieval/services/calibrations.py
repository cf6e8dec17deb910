"""Calibrations of one collection: proposed from votes, in force once its steward says so.

A proposal changes nobody's answers. Promoting one changes the confidence, the verdict and the place
in the list of what the collection holds, for everybody who searches it, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import QuerySet

from accounts import trail
from accounts.models import User
from audit import ledger
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.calibration import FEATURES, HIT_FEATURES, PairCalibration
from retrieval.errors import Conflict, Invalid, NotVisible
from retrieval.evaluation.refit import Refit, Votes, moved, refit, too_few
from retrieval.models import Calibration, Collection, ModelVersion
from retrieval.selectors.feedback import JudgedHit, judged_hits

_Status = Calibration.Status
_Pair = tuple[str, str, str]  # ref of a model, query modality, target modality
_REASON = 300


def calibration_propose(*, collection_id: UUID, by: User) -> list[Calibration]:
    """A proposal for every pair that enough people voted on and that votes would make better.

    Each is the version's own curve with steeper or flatter, higher or lower log-odds; the fewer
    the votes, the nearer to it. Earlier proposals of these pairs give way. Recorded.

    Raises:
        NotVisible, NotAllowed: ``by`` is not steward of the collection.
        Conflict: too few votes, or none that say anything new.
    """
    access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)
    by_pair: dict[_Pair, list[JudgedHit]] = {}
    for hit in judged_hits(collection_id):
        if hit.model is not None and not hit.bridge and set(FEATURES[2:]) <= set(hit.asked):
            pair = (hit.model, hit.query_modality, hit.target_modality)
            by_pair.setdefault(pair, []).append(hit)
    if not by_pair:
        raise Conflict("There are no votes to learn from.")
    with scope.system(), transaction.atomic():
        made, reasons = [], set[str]()
        for pair, hits in by_pair.items():
            base = _general(pair)
            if base is None:
                continue
            curve = PairCalibration.from_json(base.parameters)
            votes = _votes(curve, hits)
            if why := too_few(votes):
                reasons.add(why)
                continue
            found = refit(votes)
            if not found.better:
                reasons.add("what is said now foretells the votes as well")
                continue
            made.append(_proposed(base, curve, found, votes, collection_id))
        if not made:
            why = "; ".join(sorted(reasons)) or "no calibration is in force to begin with"
            raise Conflict(f"Nothing to propose: {why}.")
        _record("propose", by, collection_id, made)
        return made


def calibration_promote(*, calibration_id: int, by: User, reason: str) -> Calibration:
    """Puts a proposal in force for what its collection holds, in place of the one before. Recorded.

    Raises:
        NotVisible, NotAllowed: no such proposal for ``by`` to decide on.
        Conflict: it is no proposal any more, or its model version is not searched with.
        Invalid: no reason.
    """
    with scope.system(), transaction.atomic():
        one = _locked(calibration_id, by, _Status.PROPOSED, reason)
        if one.model_version.status != ModelVersion.Status.ACTIVE and not (
            one.model_version.in_sets.exists()
        ):
            raise Conflict("The model that it was learnt for is not in use any more.")
        _same_pair(one).filter(status=_Status.ACTIVE).update(status=_Status.RETIRED)
        _decided(one, _Status.ACTIVE, reason)
        Collection.objects.filter(calibrations=one).update(calibrated=True)
        _record("promote", by, one.collection_id, [one], reason)
        return one


def calibration_discard(*, calibration_id: int, by: User, reason: str) -> Calibration:
    """Lays a proposal aside. Recorded; raises as ``calibration_promote``."""
    with scope.system(), transaction.atomic():
        one = _locked(calibration_id, by, _Status.PROPOSED, reason)
        _decided(one, _Status.RETIRED, reason)
        _record("discard", by, one.collection_id, [one], reason)
        return one


def calibration_withdraw(*, calibration_id: int, by: User, reason: str) -> Calibration:
    """Takes one out of force, so that the version's own counts again.

    Recorded; raises as ``calibration_promote``.
    """
    with scope.system(), transaction.atomic():
        one = _locked(calibration_id, by, _Status.ACTIVE, reason)
        _decided(one, _Status.RETIRED, reason)
        left = Calibration.objects.filter(collection=one.collection, status=_Status.ACTIVE)
        Collection.objects.filter(calibrations=one).update(calibrated=left.exists())
        _record("withdraw", by, one.collection_id, [one], reason)
        return one


def _general(pair: _Pair) -> Calibration | None:
    """The version's own calibration of a pair, if the version is installed."""
    name, _, version = pair[0].partition("@")
    return Calibration.objects.filter(
        model_version__name=name,
        model_version__version=version,
        query_modality=pair[1],
        target_modality=pair[2],
        collection=None,
        status=_Status.ACTIVE,
    ).first()


def _votes(curve: PairCalibration, hits: Sequence[JudgedHit]) -> Votes:
    """The votes, with what the version's own curve would say of each hit today."""
    rows = np.array(
        [
            [
                (hit.similarity - hit.asked["mean"]) / hit.asked["spread"],
                hit.similarity,
                *(hit.asked[name] for name in FEATURES[len(HIT_FEATURES) :]),
            ]
            for hit in hits
        ]
    )
    return Votes(
        said=curve.judged(rows),
        right=np.array([hit.relevant for hit in hits]),
        weights=np.array([hit.weight for hit in hits]),
        voters=np.array([hit.voter for hit in hits]),
    )


def _proposed(
    base: Calibration, curve: PairCalibration, found: Refit, votes: Votes, collection_id: UUID
) -> Calibration:
    one = Calibration(
        model_version=base.model_version,
        query_modality=base.query_modality,
        target_modality=base.target_modality,
        collection_id=collection_id,
        status=_Status.PROPOSED,
        parameters=moved(curve, found).to_json(),
        fitted_on=f"{len(votes.said)} votes of {len(set(votes.voters.tolist()))} people",
        provenance={
            "from": "feedback",
            "base": base.pk,
            "votes": len(votes.said),
            "right": int(votes.right.sum()),
            "voters": len(set(votes.voters.tolist())),
            "slope": found.slope,
            "by": found.by,
            "bar_by": found.bar_by,
            "before": found.before.to_json(),
            "after": found.after.to_json(),
        },
    )
    _same_pair(one).filter(status=_Status.PROPOSED).update(status=_Status.RETIRED)
    one.save()
    return one


def _same_pair(one: Calibration) -> QuerySet[Calibration]:
    return Calibration.objects.filter(
        model_version_id=one.model_version_id,
        query_modality=one.query_modality,
        target_modality=one.target_modality,
        collection=one.collection,
    )


def _locked(calibration_id: int, by: User, status: str, reason: str) -> Calibration:
    """A collection's calibration in that state, which nobody else decides on meanwhile."""
    rows = Calibration.objects.select_related("model_version").select_for_update(of=("self",))
    one = rows.filter(pk=calibration_id, collection__isnull=False).first()
    if one is None or one.collection_id is None:
        raise NotVisible("There is no such calibration.")
    access.require(user=by, collection_id=one.collection_id, permission=Permission.GOVERN)
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["This is required."]})
    if one.status != status:
        raise Conflict(f"It is {one.status}, not {status}.")
    return one


def _decided(one: Calibration, status: str, reason: str) -> None:
    one.status = status
    one.provenance = {**one.provenance, "reason": reason.strip()[:_REASON]}
    one.save(update_fields=["status", "provenance"])


def _record(
    what: str, by: User, collection_id: UUID | None, some: Sequence[Calibration], reason: str = ""
) -> None:
    ledger.record(
        event=f"collection:calibration:{what}",
        actor=trail.actor_id(by),
        refs={
            "collection": str(collection_id),
            "calibrations": [str(one.pk) for one in some],
            "pairs": [f"{one.query_modality}-{one.target_modality}" for one in some],
            "models": sorted({one.model_version.ref for one in some}),
        },
        payload={"reason": reason.strip()[:_REASON]} if reason else {},
    )
