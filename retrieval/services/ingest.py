"""Taking a file in: who may, whether it is here already, and how long its original is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.clock import received_now
from retrieval import access, clients, media, scope
from retrieval.access import Permission
from retrieval.errors import Invalid, NotVisible, Unavailable, Unprocessable
from retrieval.models import Asset, Collection
from retrieval.purposes import SEARCH, rule_of
from retrieval.queue import enqueue_after_commit
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.selectors.modalities import array_words, modalities_embedded
from retrieval.selectors.profiles import profile_of
from retrieval.services.description import Description, description_write, metadata_checked
from retrieval.services.linking import (
    Named,
    content_digest,
    links_add,
    named_locked,
    twins_of,
)
from retrieval.services.provenance import step_add
from retrieval.services.retention import raw_deadline_set
from retrieval.services.withholding import reconsider
from retrieval.subject_models import AssetSubject
from retrieval.uploads import EncryptedUpload

logger = structlog.get_logger("vitrine.ingest")

MAX_WORDS = 300


@dataclass(frozen=True)
class People:
    """Who is said to be in a file, and the record of consent under which it was taken in."""

    subjects: tuple[UUID, ...] = ()
    consent: UUID | None = None

    def __bool__(self) -> bool:
        """Whether anybody or anything is named."""
        return bool(self.subjects) or self.consent is not None

    def check(self) -> None:
        """Nothing, where all of it is recorded here.

        Raises:
            Invalid: unknown subjects or consent.
        """
        if self:
            with scope.system():
                self.locked()

    def locked(self) -> Named:
        """They, locked until the transaction ends. Inside ``scope.system``.

        Raises:
            Invalid: as ``check``.
        """
        return named_locked(subject_ids=self.subjects, consent_id=self.consent)


@dataclass(frozen=True)
class Preview:
    """What redaction would leave of a file. Nothing of it was kept."""

    modality: str
    media_type: str
    rendition: bytes
    title: str
    redactions: list[dict[str, Any]]
    profile_version: str


def asset_upload(
    *,
    user: User | None,
    collection_id: UUID,
    upload: EncryptedUpload,
    title: str = "",
    source: str = "",
    captured_at: datetime | None = None,
    subjects: list[UUID] | None = None,
    consent: UUID | None = None,
    metadata: dict[str, Any] | None = None,
    modality: str = "",
    component: str = "api",
) -> tuple[Asset, bool]:
    """The asset and whether it is new: content that the collection holds gives the asset there.

    ``user`` None is the appliance itself (import on the server). File name, title, source and
    metadata are kept encrypted until the redact stage has seen them; the row holds none of them
    before. ``modality`` says what an array of numbers shows. ``upload`` is used up either way.

    Raises:
        NotVisible, NotAllowed: the user may not upload there.
        Invalid: unknown subjects or consent, metadata that is no object, words too long, a
            modality that no model embeds.
    """
    with upload:
        if user is not None:
            access.require(user=user, collection_id=collection_id, permission=Permission.CONTRIBUTE)
        people = People(tuple(subjects or ()), consent)
        people.check()
        description = Description(
            name=upload.name or "file",
            title=_short("title", title),
            source=_short("source", source),
            metadata=metadata_checked(metadata or {}),
            modality=_embedded(modality),
        )
        digest = content_digest(collection_id=collection_id, sha256=upload.sha256)
        found = _existing(collection_id, digest, people, user)
        if found is not None:
            return found, False
        asset = Asset(
            id=upload.asset_id,
            collection_id=collection_id,
            digest=digest,
            size_bytes=upload.size_bytes,
            captured_at=captured_at,
            uploaded_by=user,
            created_at=received_now(),
        )
        if _created(asset, upload, description, people, component):
            return asset, True
        # Somebody uploaded the same bytes at the same moment; theirs counts.
        found = _existing(collection_id, digest, people, user)
        if found is None:
            raise Unavailable("The same file was uploaded and removed at the same moment.")
        return found, False


def preview(
    *,
    user: User,
    collection_id: UUID,
    data: bytes,
    name: str,
    title: str = "",
    modality: str = "",
) -> Preview:
    """What the collection's redaction would leave of ``data``; nothing is kept or recorded.

    Raises:
        NotVisible, NotAllowed: the user may not upload there.
        Unprocessable: the file cannot be taken; the detail says why.
        Unavailable: the redaction server does not answer.
    """
    access.require(user=user, collection_id=collection_id, permission=Permission.CONTRIBUTE)
    with scope.system():
        profile = profile_of(Collection.objects.get(id=collection_id))
        words = array_words(_embedded(modality))
    try:
        prepared = clients.redaction().prepare(
            iter([data]), name=name, title=title, profile=profile, **words
        )
    except RedactionRefused as error:
        raise Unprocessable(error.reason, fields={"file": [error.code]}) from None
    except RedactionUnavailable:
        raise Unavailable("Redaction does not answer right now; please try again.") from None
    return Preview(
        modality=prepared.modality,
        media_type=prepared.media_type,
        rendition=prepared.rendition,
        title=prepared.title,
        redactions=[{"kind": r.kind, "count": r.count} for r in prepared.redactions],
        profile_version=prepared.profile_version,
    )


def _embedded(modality: str) -> str:
    if modality:
        with scope.system():
            known = modalities_embedded()
        if modality not in known:
            choice = [f"One of: {', '.join(known)}."]
            raise Invalid("No model embeds that modality.", fields={"modality": choice})
    return modality


def _short(field: str, text: str) -> str:
    text = text.strip()
    if len(text) > MAX_WORDS:
        message = f"This has at most {MAX_WORDS} characters."
        raise Invalid(message, fields={field: [message]})
    return text


def _existing(
    collection_id: UUID, digest: bytes, people: People, user: User | None
) -> Asset | None:
    """The asset with the same content, linked to whoever is named for it now."""
    with scope.system():
        found = Asset.objects.filter(collection_id=collection_id, digest=digest).first()
        if found is not None and people:
            named = people.locked()
            actor = actor_id(user) if user is not None else None
            if links_add(asset=found, named=named, by=actor, via=AssetSubject.Via.UPLOAD):
                reconsider(asset_ids=[found.pk], by=actor)
                found.refresh_from_db()
        return found


def _created(
    asset: Asset,
    upload: EncryptedUpload,
    description: Description,
    people: People,
    component: str,
) -> bool:
    """Writes row, blobs, provenance and ledger; False where the same content got there first.

    What somebody in it has not permitted is withheld from the start, before any stage.
    """
    words = description_write(asset_id=asset.id, description=description)
    try:
        with scope.system():
            named = people.locked() if people else Named()
            named = named.also(
                twins_of(user=asset.uploaded_by, home=asset.collection_id, sha256=upload.sha256)
            )
            purposes = _inserted(asset)
            if purposes is None:
                return False
            raw_deadline_set(asset_id=asset.id)
            actor = actor_id(asset.uploaded_by) if asset.uploaded_by else None
            step_add(
                asset_id=asset.id, step="upload", component=component, version="1", actor=actor
            )
            ledger.record(
                event="ingest:asset:upload",
                actor=actor,
                refs={"asset": asset.id, "collection": asset.collection_id},
                payload={"size_bytes": asset.size_bytes, "through": component},
            )
            if named.subjects:
                links_add(asset=asset, named=named, by=actor, via=AssetSubject.Via.UPLOAD)
            asked = named.subjects or rule_of(purposes, SEARCH).required
            if not asked or not reconsider(asset_ids=[asset.id], by=actor).withheld:
                enqueue_after_commit("redact", asset.id)
            asset.refresh_from_db()
            # The files come last: a crash between here and the commit leaves blobs without a row,
            # which the sweeper destroys, never a row without its original.
            words.publish()
            upload.keep()
    except BaseException:
        media.destroy_raw(asset.id)
        raise
    finally:
        words.discard()
    logger.info("asset_received", asset_id=str(asset.id), collection_id=str(asset.collection_id))
    return True


def _inserted(asset: Asset) -> dict[str, Any] | None:
    """The collection's purposes; None where the same content is there already.

    Whoever changes the purposes waits for the lock, and then finds this asset as well.
    """
    home = Collection.objects.raw(
        "SELECT id, purposes FROM retrieval_collection WHERE id = %s FOR SHARE",
        [asset.collection_id],
    )
    purposes = next((one.purposes for one in home), None)
    if purposes is None:
        raise NotVisible("There is no such collection.")
    try:
        with transaction.atomic():
            asset.save(force_insert=True)
    except IntegrityError:
        return None
    return dict(purposes)
