"""Finding the assets of a person who asks for access or erasure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.blind import blind_lookup
from audit.subjects import subject_find
from retrieval import scope
from retrieval.errors import Invalid, NotAllowed
from retrieval.models import Asset
from retrieval.redaction.blind import forms_of
from retrieval.states import State
from retrieval.subject_models import AssetSubject

_IDS_A_QUERY = 5_000


@dataclass(frozen=True)
class Candidate:
    """An asset that once held the identifier, by ids and state alone.

    ``linked``: with the subject of this identifier.
    """

    asset: UUID
    collection: UUID
    modality: str
    state: str
    created_at: datetime
    linked: bool = False


@dataclass(frozen=True)
class Lookup:
    """What was found; ``lookup`` names the entry in the ledger.

    ``subject``: who is known by this identifier, if anybody is.
    """

    lookup: UUID
    subject: UUID | None
    forms: tuple[str, ...]
    candidates: tuple[Candidate, ...]


def subject_lookup(*, by: User, identifier: str) -> Lookup:
    """The assets from which ``identifier`` was taken out, newest first; recorded without it.

    Goes through all blind indexes: seconds for a hundred thousand assets, more beside other work.

    Raises:
        NotAllowed: ``by`` is no governor.
        Invalid: it is no identifier of a form that is kept.
    """
    if not (by.is_active and by.is_governor):
        raise NotAllowed("People are looked for by governors only.")
    forms = forms_of(identifier.strip())
    if not forms:
        message = "This is no e-mail address, telephone number, official number or name."
        raise Invalid(message, fields={"identifier": [message]})
    lookup_id = uuid4()
    names = tuple(dict.fromkeys(form for form, _ in forms))
    with scope.system():
        known = subject_find(identifier=identifier)
        subject = known.id if known is not None else None
        candidates = _candidates(blind_lookup(forms), subject)
        collections = sorted({str(one.collection) for one in candidates})
        ledger.record(
            event="subject:identifier:lookup",
            actor=actor_id(by),
            refs={"lookup": lookup_id, **({"collection": collections} if collections else {})},
            payload={"forms": list(names), "candidates": len(candidates)},
        )
    return Lookup(lookup=lookup_id, subject=subject, forms=names, candidates=candidates)


def _candidates(asset_ids: list[UUID], subject: UUID | None) -> tuple[Candidate, ...]:
    linked: set[UUID] = set()
    if subject is not None:
        links = AssetSubject.objects.filter(subject=subject)
        linked = set(links.values_list("asset_id", flat=True))
    fields = ("id", "collection_id", "modality", "state", "created_at")
    found: list[Candidate] = []
    for first in range(0, len(asset_ids), _IDS_A_QUERY):
        rows = Asset.objects.filter(id__in=asset_ids[first : first + _IDS_A_QUERY])
        rows = rows.exclude(state=State.ERASED)
        found += [
            Candidate(asset, collection, modality, state, at, asset in linked)
            for asset, collection, modality, state, at in rows.values_list(*fields)
        ]
    return tuple(sorted(found, key=lambda one: one.created_at, reverse=True))
