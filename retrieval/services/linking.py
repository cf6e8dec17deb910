"""Whom an asset is about: linked at upload, or later by whoever describes or governs it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger, subjects
from audit.keystore import default_keystore
from audit.subject_models import ConsentRecord
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.grounds import REASONS
from retrieval.journal import journal_tell
from retrieval.models import Asset
from retrieval.selectors.assets import asset_get
from retrieval.services.withholding import Reconsidered, reconsider, would_change
from retrieval.states import State
from retrieval.subject_models import AssetSubject

MOST_SUBJECTS = 100
_NO_SUBJECT = "There is no such subject."
_NO_CONSENT = "There is no such consent."


@dataclass(frozen=True)
class Named:
    """People named for an asset, each with the record under which it was taken in, if one was."""

    subjects: tuple[UUID, ...] = ()
    consents: tuple[tuple[UUID, UUID], ...] = ()  # subject, consent

    def consent_of(self, subject: UUID) -> UUID | None:
        """The record named for this subject."""
        return dict(self.consents).get(subject)

    def also(self, subject_ids: Sequence[UUID]) -> Named:
        """These people and those; all of them locked."""
        new = [one for one in subject_ids if one not in self.subjects]
        if not new:
            return self
        subjects.subjects_locked(new)
        return replace(self, subjects=(*self.subjects, *new))


def named_locked(*, subject_ids: Sequence[UUID], consent_id: UUID | None = None) -> Named:
    """The people of an upload, locked until its transaction ends, so that what was judged holds.

    A consent stands for its subject. Inside ``scope.system``.

    Raises:
        Invalid: too many, or somebody or a consent that is not recorded, erased, or of another
            person: nothing tells which.
    """
    fields: dict[str, list[str]] = {}
    wanted = tuple(dict.fromkeys(subject_ids))
    consent = None
    if consent_id is not None:
        consent = ConsentRecord.objects.filter(id=consent_id).first()
        if consent is None or (wanted and consent.subject not in wanted):
            fields["consent"] = [_NO_CONSENT]
        else:
            wanted = wanted or (consent.subject,)
    if len(wanted) > MOST_SUBJECTS:
        fields["subjects"] = [f"At most {MOST_SUBJECTS}."]
    if wanted and not fields:
        try:
            subjects.subjects_locked(wanted)
        except (subjects.SubjectMissing, subjects.SubjectErased):
            fields["subjects"] = [_NO_SUBJECT]
    if fields:
        raise Invalid(
            "The upload names people or consents that are not recorded here.", fields=fields
        )
    pairs = () if consent is None else ((consent.subject, consent.id),)
    return Named(wanted, pairs)


def twins_of(*, user: User | None, home: UUID, sha256: bytes) -> list[UUID]:
    """People in the same content where it is withheld for their sake in another collection.

    So that what somebody has withdrawn does not come back by another door. Only collections that
    ``user`` knows of are looked into: the answer must not tell of any other. None: all of them.
    """
    away = Asset.objects.filter(state=State.WITHHELD, reason__in=REASONS).exclude(
        collection_id=home
    )
    if user is not None:
        away = away.filter(collection_id__in=access.access_by_collection(user=user))
    homes = away.order_by().values_list("collection_id", flat=True).distinct()
    digests = [content_digest(collection_id=one, sha256=sha256) for one in homes]
    if not digests:
        return []
    rows = AssetSubject.objects.filter(asset__in=away.filter(digest__in=digests))
    return list(rows.order_by().values_list("subject", flat=True).distinct())


def content_digest(*, collection_id: UUID, sha256: bytes) -> bytes:
    """32 bytes (HMAC-SHA-256) that tell the same content within one collection, no more."""
    key = default_keystore().get_or_create("collection", str(collection_id))
    return hmac.digest(key, b"asset-content\0" + sha256, "sha256")


def links_add(*, asset: Asset, named: Named, by: UUID | None, via: str) -> list[UUID]:
    """Which of the people, whom the caller has locked, were not linked before. Recorded."""
    known = set(AssetSubject.objects.filter(asset=asset).values_list("subject", flat=True))
    new = [subject for subject in named.subjects if subject not in known]
    rows = AssetSubject.objects.bulk_create(
        AssetSubject(
            asset=asset,
            subject=subject,
            consent=named.consent_of(subject),
            linked_by=by,
            via=via,
        )
        for subject in new
    )
    journal_tell(rows)
    for subject, consent in named.consents:
        if subject in known:
            AssetSubject.objects.filter(asset=asset, subject=subject).update(consent=consent)
    if new:
        ledger.record(
            event="subject:subject:link",
            actor=by,
            refs={"asset": asset.pk, "collection": asset.collection_id, "subject": new},
            payload={"via": via},
        )
    return new


def subjects_link(
    *,
    by: User | None,
    asset_id: UUID,
    subject_ids: Sequence[UUID],
    consent_id: UUID | None = None,
    via: str = AssetSubject.Via.API,
    dry_run: bool = False,
) -> Reconsidered:
    """Links people to an asset that is there; with what disappears by it.

    For governors, and whoever curates or governs the collection. ``by`` None: set-up.

    Raises:
        NotVisible, NotAllowed: the asset is not theirs. Conflict: it has been erased.
        Invalid: unknown people or consent.
    """
    actor = _may_link(by, asset_id)

    def change() -> Reconsidered:
        named = named_locked(subject_ids=subject_ids, consent_id=consent_id)
        links_add(asset=_asset_locked(asset_id), named=named, by=actor, via=via)
        return reconsider(asset_ids=[asset_id], by=actor, dry_run=dry_run)

    if dry_run:
        return would_change(change)
    with scope.system():
        return change()


def subject_unlink(
    *, by: User | None, asset_id: UUID, subject_id: UUID, dry_run: bool = False
) -> Reconsidered:
    """Takes back that somebody is in an asset; with what comes back by it. Governors.

    Raises:
        NotVisible, NotAllowed: ``by`` is no governor, or there is no such link.
    """
    actor = None
    if by is not None:
        access.require_governor(user=by)
        actor = actor_id(by)

    def change() -> Reconsidered:
        subjects.subject_locked(subject_id)
        asset = _asset_locked(asset_id)
        gone, _ = AssetSubject.objects.filter(asset=asset, subject=subject_id).delete()
        if not gone:
            raise NotVisible("There is no such link.")
        ledger.record(
            event="subject:subject:unlink",
            actor=actor,
            refs={"asset": asset.pk, "collection": asset.collection_id, "subject": subject_id},
        )
        return reconsider(asset_ids=[asset_id], by=actor, dry_run=dry_run)

    if dry_run:
        return would_change(change)
    with scope.system():
        return change()


def _may_link(by: User | None, asset_id: UUID) -> UUID | None:
    if by is None:
        return None
    with scope.system():
        home = Asset.objects.filter(id=asset_id).values_list("collection_id", flat=True).first()
    if by.is_active and by.is_governor and home is not None:
        return actor_id(by)
    if home is None:
        raise NotVisible("There is no such asset.")
    held = access.access_to(user=by, collection_id=home)
    if not held.visible:
        raise NotVisible("There is no such asset.")
    if not (held.allows(Permission.CURATE) or held.allows(Permission.GOVERN)):
        asset_get(user=by, asset_id=asset_id)  # NotVisible unless they may know of it
        raise NotAllowed("People are linked by curators, stewards and governors.")
    return actor_id(by)


def _asset_locked(asset_id: UUID) -> Asset:
    asset = Asset.objects.select_for_update(of=("self",)).filter(id=asset_id).first()
    if asset is None:
        raise NotVisible("There is no such asset.")
    if asset.state == State.ERASED:
        raise Conflict("The asset has been erased.")
    return asset
