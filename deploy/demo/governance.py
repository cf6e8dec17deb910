"""What a first visitor of the console finds: a ground, a period, a person, a consent and a hold.

Nothing of it takes an asset out of search. All people are invented, as the case notes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.utils import timezone

from accounts.models import User
from audit.consents import Terms
from audit.hold_models import LegalHold
from audit.holds import Held
from audit.models import RetentionPolicy
from audit.retention import policy_create
from audit.subject_models import ConsentRecord
from retrieval import scope
from retrieval.models import Asset, Collection
from retrieval.services.collections import collection_update
from retrieval.services.consents import consent_record, subject_register
from retrieval.services.holds import hold_place
from retrieval.services.linking import subjects_link

NOTES: Final = "notes"
POLICY: Final = "Case files"
RULES: Final = (
    {"what": "raw", "after_days": 30},
    {"what": "rendition", "after_days": 5 * 365},
)
GROUNDS: Final = {
    "photos": "legitimate_interests",
    "clothing": "contract",
    "sounds": "legitimate_interests",
    NOTES: "public_task",
}
# Who is invented in the notes of these titles.
PERSON: Final = "t.nakamura4@example.org"
ABOUT: Final = ("Dog barking every night", "Follow-up: Dog barking every night")
HELD: Final = "Elephant enclosure, spring works"
WHY_HELD: Final = "An objection to the works is at court; to be kept until it is decided."
_YEAR: Final = timedelta(days=365)


def governance(collections: Mapping[str, Collection]) -> None:
    """Sets it up, by the administrator, once: what is there already is left alone."""
    admin = User.objects.get(username="admin")
    for key, basis in GROUNDS.items():
        _ground(admin, collections[key], basis)
    _period(admin, collections[NOTES])
    _person(admin, collections[NOTES])
    _hold(admin, collections[NOTES])


def _ground(admin: User, collection: Collection, basis: str) -> None:
    named = any(rule.get("legal_basis") for rule in collection.purposes.values())
    if not named:
        purposes = {purpose: {"legal_basis": basis} for purpose in ("search", "raw_access")}
        collection_update(by=admin, collection_id=collection.pk, purposes=purposes)


def _period(admin: User, collection: Collection) -> None:
    policy = RetentionPolicy.objects.filter(name=POLICY).first()
    policy = policy or policy_create(actor=None, name=POLICY, rules=list(RULES))
    with scope.system():
        followed = Collection.objects.filter(pk=collection.pk, retention_policy__isnull=False)
        follows = followed.exists()
    if not follows:
        collection_update(by=admin, collection_id=collection.pk, retention_policy=policy.pk)


def _person(admin: User, collection: Collection) -> None:
    subject = subject_register(by=admin, identifier=PERSON).subject
    with scope.system():
        known = ConsentRecord.objects.filter(subject=subject.pk).exists()
    if not known:
        terms = Terms(
            purposes=["search", "raw_access"],
            expires_at=timezone.now() + _YEAR,
            data_categories=["contact details", "what was reported"],
            controller="Town of Example",
            collection_method="form",
            withdrawal_method="in writing to the town hall",
        )
        consent_record(by=admin, subject_id=subject.pk, terms=terms)
    for asset in _titled(collection, *ABOUT):
        subjects_link(by=admin, asset_id=asset.pk, subject_ids=[subject.pk], via="console")


def _hold(admin: User, collection: Collection) -> None:
    for asset in _titled(collection, HELD):
        with scope.system():
            known = LegalHold.objects.filter(asset=asset.pk).exists()
        if not known:
            hold_place(user=admin, on=Held(asset=asset.pk), reason=WHY_HELD)


def _titled(collection: Collection, *titles: str) -> list[Asset]:
    with scope.system():
        return list(Asset.objects.filter(collection=collection, title__in=titles))
