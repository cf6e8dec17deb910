"""Redaction profiles: the shipped ones and the organisation's own, and who may see what of them.

Everybody who governs something may know every profile and what it takes out. The words of its
allow and deny lists, which may be people's names, are for governors, for stewards of a collection
that uses it, and for those who made a version of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Max

from accounts.models import User
from accounts.trail import actor_id
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import NotAllowed, NotVisible
from retrieval.models import Collection
from retrieval.profile_models import RedactionProfile
from retrieval.redaction.base import Profile
from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.profile_compare import Change, differences
from retrieval.redaction.profile_schema import profile_from, rules_to
from retrieval.redaction.profile_words import Measured, leaves_in, measured, takes_out
from retrieval.redaction.registry import get_profile, profile_names, shipped


@dataclass(frozen=True)
class ProfileView:
    """One version of a profile as one user may see it; shipped ones have no maker and no date."""

    profile: Profile
    shipped: bool
    newest: bool
    words_shown: bool
    may_change: bool
    collections: tuple[Collection, ...]  # those that use it and that the user governs
    used_elsewhere: int | None  # by how many others; None: not this user's to know
    changes: tuple[Change, ...] = ()  # against the version before
    created_by: UUID | None = None
    created_at: datetime | None = None

    @property
    def rules(self) -> dict[str, Any]:
        """All of its rules; the words of its lists only where they may be seen."""
        rules = rules_to(self.profile)
        return rules if self.words_shown else {**rules, "allow": [], "deny": []}

    @property
    def takes_out(self) -> tuple[str, ...]:
        """In words."""
        return takes_out(self.profile)

    @property
    def leaves_in(self) -> tuple[str, ...]:
        """In words."""
        return leaves_in(self.profile)

    @property
    def measured(self) -> Measured:
        """Its measured misses."""
        return measured(self.profile)


def profile_named(name: str) -> Profile:
    """The newest version of the profile called ``name``, shipped or the organisation's own.

    One query where it is not shipped.

    Raises:
        UnknownProfileError: there is none; nobody may fall back to another.
    """
    found = shipped(name)
    if found is not None:
        return found
    row = RedactionProfile.objects.filter(name=name).order_by("-version").first()
    if row is None:
        raise UnknownProfileError("no redaction profile of that name")
    return profile_of_row(row)


def profile_at(ref: str) -> Profile | None:
    """The profile that ``name@version`` names; None where that version is not known any more."""
    name, _, version = ref.partition("@")
    found = shipped(name)
    if found is not None:
        return found if found.ref == ref else None
    if not version.isdigit():
        return None
    row = RedactionProfile.objects.filter(name=name, version=int(version)).first()
    return profile_of_row(row) if row is not None else None


def profile_of(collection: Collection) -> Profile:
    """The collection's profile in its newest version. Raises as ``profile_named``."""
    return profile_named(collection.redaction_profile)


def profile_of_row(row: RedactionProfile) -> Profile:
    """The profile that a row keeps."""
    return profile_from({"name": row.name, "version": row.version, **row.body})


def all_names() -> tuple[str, ...]:
    """Every name that a collection may choose: the shipped ones first. One query."""
    own = RedactionProfile.objects.order_by("name").values_list("name", flat=True).distinct()
    return (*profile_names(), *own)


def may_make(*, user: User) -> bool:
    """Whether ``user`` may make profiles: governors, and stewards of any collection."""
    governed = access.collections_with(user=user, permission=Permission.GOVERN)
    return user.is_active and (user.is_governor or bool(governed))


def profile_list(*, user: User) -> list[ProfileView]:
    """The newest version of every profile, shipped ones first.

    Raises:
        NotAllowed: ``user`` neither governs, operates, nor stewards anything.
    """
    _require_sight(user)
    newest = dict(RedactionProfile.objects.values_list("name").annotate(Max("version")))
    rows = [
        row
        for row in RedactionProfile.objects.order_by("name", "version")
        if newest[row.name] == row.version
    ]
    named: list[Profile | RedactionProfile] = [get_profile(name) for name in profile_names()]
    named += rows
    seen = _Seen(user)
    return [seen.view(one, newest=True) for one in named]


def profile_versions(*, user: User, name: str) -> list[ProfileView]:
    """All versions of one profile, the newest first; of a shipped one, the present one.

    Raises:
        NotAllowed: as ``profile_list``. NotVisible: there is no such profile.
    """
    _require_sight(user)
    found = shipped(name)
    rows: list[Profile | RedactionProfile] = (
        [found]
        if found is not None
        else list(RedactionProfile.objects.filter(name=name).order_by("-version"))
    )
    if not rows:
        raise NotVisible("There is no such profile.")
    seen = _Seen(user)
    views = [seen.view(row, newest=row is rows[0]) for row in rows]
    changes = [
        differences(rules_to(old.profile), rules_to(new.profile)) for new, old in pairwise(views)
    ]
    return [replace(one, changes=told) for one, told in zip(views, [*changes, ()], strict=True)]


def _require_sight(user: User) -> None:
    if not access.may_enter_console(user=user):
        raise NotAllowed("Profiles are for governors, operators and stewards.")


class _Seen:
    """What one user may see and change, asked for once. Three queries."""

    def __init__(self, user: User) -> None:
        self._user = user
        # How many collections there are is nothing that a steward of one may learn.
        self._counts = user.is_governor or user.is_operator
        governed = access.collections_with(user=user, permission=Permission.GOVERN)
        with scope.system():
            rows = list(Collection.objects.only("id", "name", "redaction_profile"))
        self._governed = frozenset(governed)
        self._using: dict[str, list[Collection]] = {}
        for row in rows:
            self._using.setdefault(row.redaction_profile, []).append(row)
        made = RedactionProfile.objects.filter(created_by=actor_id(user))
        self._made = frozenset(made.values_list("name", flat=True))

    def view(self, one: Profile | RedactionProfile, *, newest: bool) -> ProfileView:
        """One version."""
        row = one if isinstance(one, RedactionProfile) else None
        using = self._using.get(one.name, [])
        ours = tuple(each for each in using if each.pk in self._governed)
        user = self._user
        return ProfileView(
            profile=profile_of_row(one) if isinstance(one, RedactionProfile) else one,
            shipped=row is None,
            newest=newest,
            words_shown=row is None or user.is_governor or bool(ours) or one.name in self._made,
            may_change=row is not None and self._may_change(one.name, using),
            collections=ours,
            used_elsewhere=len(using) - len(ours) if self._counts else None,
            created_by=row.created_by if row else None,
            created_at=row.created_at if row else None,
        )

    def _may_change(self, name: str, using: list[Collection]) -> bool:
        if self._user.is_governor:
            return True
        if using:
            return all(one.pk in self._governed for one in using)
        return name in self._made and bool(self._governed)


def may_change(*, user: User, name: str) -> bool:
    """Whether ``user`` may add a version to a profile of the organisation's own.

    Governors; stewards who govern every collection that uses it; where none does, who made it.
    """
    row = RedactionProfile.objects.filter(name=name).first()
    return row is not None and user.is_active and _Seen(user).view(row, newest=True).may_change
