"""What the documents are made of, read once: collections, grants, profiles, people, periods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from audit.models import RetentionPolicy
from retrieval.models import Collection, Grant, ModelVersion, default_purposes
from retrieval.purposes import needs_consent, rule_problem
from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profile_compare import tightens
from retrieval.redaction.registry import get_profile
from retrieval.selectors.holdings import Holdings, findings, holdings, withheld
from retrieval.selectors.profiles import profile_of
from retrieval.selectors.reach import Reach
from retrieval.services.feedback_retention import FEEDBACK_DAYS

PURPOSES: Final = tuple(default_purposes())
STANDARD: Final = "standard"
EVERYTHING: Final = Reach(everything=True, governed=frozenset(), operates=True)


@dataclass(frozen=True, kw_only=True)
class CollectionFacts:
    """One collection's rules, and how many people hold what in it now."""

    id: UUID
    name: str
    purposes: Mapping[str, Any]
    profile: str
    weaker: bool  # its profile lets through something that the standard one takes out
    policy: RetentionPolicy | None
    assets: Counter[str]
    people: Counter[str]  # by role
    originals: int  # people who may see originals
    kept_back: Counter[str]  # assets withheld, by reason

    @property
    def without_basis(self) -> list[str]:
        """Purposes for which no legal basis is named and no consent is asked for."""
        return [
            purpose
            for purpose in PURPOSES
            if not needs_consent(self.purposes, purpose)
            and not (self.purposes.get(purpose) or {}).get("legal_basis")
        ]

    @property
    def special(self) -> list[str]:
        """Purposes in which special categories of data (GDPR Art. 9) are used."""
        return [p for p in PURPOSES if (self.purposes.get(p) or {}).get("special_categories")]

    @property
    def problems(self) -> list[str]:
        """What is wrong with its purposes' rules, in sentences."""
        found = [rule_problem(self.purposes.get(purpose) or {}) for purpose in PURPOSES]
        return [one for one in found if one]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the documents say of the appliance as it is at ``at``."""

    at: datetime
    collections: list[CollectionFacts]
    holdings: Holdings
    found: Counter[str]  # what redaction took out of what is held, by kind
    governors: int
    operators: int
    people: int
    models: list[str]
    periods: Mapping[str, str] = field(default_factory=dict)


def facts_gather() -> Facts:
    """What is configured and held now. Inside ``retrieval.scope.system``; a dozen queries."""
    held = holdings(EVERYTHING)
    active = User.objects.filter(is_active=True)
    found: Counter[str] = Counter()
    for one in findings(EVERYTHING)[0]:
        found[one.kind] += one.found
    return Facts(
        at=timezone.now(),
        collections=_collections(held),
        holdings=held,
        found=found,
        governors=active.filter(is_governor=True).count(),
        operators=active.filter(is_operator=True).count(),
        people=active.count(),
        models=[one.ref for one in ModelVersion.objects.filter(status="active")],
        periods=_periods(),
    )


def _collections(held: Holdings) -> list[CollectionFacts]:
    counted = held.by_collection()
    roles, originals = _grants()
    kept_back: dict[UUID, Counter[str]] = {}
    for one in withheld(EVERYTHING):
        kept_back.setdefault(one.collection, Counter())[one.reason] += one.assets
    return [
        CollectionFacts(
            id=row.pk,
            name=row.name,
            purposes=row.purposes,
            profile=row.redaction_profile,
            weaker=_weaker(row),
            policy=row.retention_policy,
            assets=counted.get(row.pk, Counter()),
            people=roles.get(row.pk, Counter()),
            originals=len(originals.get(row.pk, ())),
            kept_back=kept_back.get(row.pk, Counter()),
        )
        for row in Collection.objects.select_related("retention_policy").order_by("name", "id")
    ]


def _grants() -> tuple[dict[UUID, Counter[str]], dict[UUID, set[UUID]]]:
    """People by collection and role, and who may see originals, by grants in force."""
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    people: dict[tuple[UUID, str], set[UUID]] = {}
    originals: dict[UUID, set[UUID]] = {}
    rows = Grant.objects.filter(running).select_related("team").prefetch_related("team__members")
    for grant in rows:
        team = grant.team.members.all() if grant.team is not None else []
        holders = {one.pk for one in team if one.is_active}
        if grant.user_id is not None:
            holders.add(grant.user_id)
        people.setdefault((grant.collection_id, grant.role), set()).update(holders)
        if grant.raw:
            originals.setdefault(grant.collection_id, set()).update(holders)
    roles: dict[UUID, Counter[str]] = {}
    for (collection, role), holders in people.items():
        roles.setdefault(collection, Counter())[role] = len(holders)
    return roles, originals


def _weaker(row: Collection) -> bool:
    try:
        return tightens(old=profile_of(row), new=get_profile(STANDARD))
    except UnknownProfileError:
        return True


def _periods() -> dict[str, str]:
    """How long is kept what belongs to no one collection, as configured."""
    return {
        "what somebody asked (query and vector)": f"{settings.VITRINE_KEPT_QUERY_HOURS} hours,"
        " where no collection's policy is shorter",
        "names behind the ledger's ids": f"{settings.VITRINE_ACTOR_PERIOD_DAYS} days after an id"
        " was last used",
        "blind indexes of redacted identifiers": f"{settings.VITRINE_BLIND_INDEX_DAYS} days",
        "originals of what was quarantined": f"{settings.VITRINE_QUARANTINE_RAW_DAYS} days",
        "votes on hits": f"{FEEDBACK_DAYS} days, where no policy says otherwise",
        "flags about somebody's searching": f"{settings.VITRINE_FLAG_DAYS} days, and only under a"
        " named agreement",
    }
