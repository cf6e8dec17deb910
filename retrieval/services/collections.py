"""Collections and the grants in them.

Stewards govern; every change goes into the ledger with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import trail
from accounts.models import Membership, Team, User
from audit.holds import holds_still
from audit.keystore import default_keystore
from audit.models import RetentionPolicy
from retrieval import access, scope
from retrieval.access import Permission
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.models import Asset, Collection, Grant, Role, default_purposes
from retrieval.purposes import SEARCH, rule_of, rule_problem
from retrieval.selectors.holds import held_collection
from retrieval.selectors.profiles import all_names, profile_of
from retrieval.services.model_sets import unused_sets_delete
from retrieval.services.retention import raw_deadlines_recompute
from retrieval.services.withholding import Reconsidered, reconsider, would_change
from retrieval.states import State

MODEL_SETS = ("default",)
PURPOSES = tuple(default_purposes())
_READING_ROLES = frozenset({Role.SEARCHER, Role.CONTRIBUTOR, Role.CURATOR})
_INVALID = "Some fields are not valid."


@dataclass(frozen=True)
class Holder:
    """Whom a grant is for: one user or one team."""

    user: User | None = None
    team: Team | None = None

    def __post_init__(self) -> None:
        """Refuse none and both."""
        if (self.user is None) == (self.team is None):
            raise Invalid(_INVALID, fields={"user": ["Name either a user or a team."]})

    @property
    def ref(self) -> dict[str, str | list[str]]:
        """Ledger reference: the user's random id there, or the team's id."""
        if self.user is not None:
            return {"grantee": str(trail.actor_id(self.user))}
        return {"team": str(self.team.pk)} if self.team is not None else {}

    def includes(self, user: User) -> bool:
        """Whether a grant to this holder reaches ``user``."""
        if self.user is not None:
            return self.user.pk == user.pk
        return Membership.objects.filter(team=self.team, user=user).exists()


def collection_create(*, by: User, name: str, description: str = "", **rules: Any) -> Collection:
    """A new collection; ``by`` becomes its steward and its curator.

    ``rules``: ``redaction_profile``, ``retention_policy`` (id), ``model_set``, ``purposes``.

    Raises:
        NotAllowed: ``by`` may not create collections.
        Invalid: a rule names something that does not exist.
    """
    if not by.may_create_collections:
        raise NotAllowed("Your account may not create collections.")
    collection = Collection(name=name, description=description, created_by=by)
    _apply(collection, rules)
    # Before the grants exist nobody sees the row, not even who makes it.
    with scope.system():
        collection.save(force_insert=True)
        for role in (Role.STEWARD, Role.CURATOR):
            Grant.objects.create(collection=collection, user=by, role=role, created_by=by)
        if "redaction_profile" in rules:
            _note_profile(collection, by)
        trail.note(event="collection:collection:create", by=by, refs=_refs(collection))
    return collection


def collection_update(*, by: User, collection_id: UUID, **changes: Any) -> Collection:
    """The collection, changed. What ``purposes`` does not name stays.

    Raises:
        NotVisible, NotAllowed: ``by`` does not govern it.
        Invalid: a rule names something that does not exist.
    """
    access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)
    with scope.system():
        collection = _locked(collection_id)
        profile = collection.redaction_profile
        before = rule_of(collection.purposes, SEARCH)
        for field in ("name", "description"):
            if field in changes:
                setattr(collection, field, changes.pop(field))
        _apply(collection, changes)
        collection.save()
        if "model_set" in changes:
            unused_sets_delete()
        if "retention_policy" in changes:
            raw_deadlines_recompute(collection_id=collection_id)
        if collection.redaction_profile != profile:
            _note_profile(collection, by)
        trail.note(event="collection:collection:update", by=by, refs=_refs(collection))
        if rule_of(collection.purposes, SEARCH) != before:
            reconsider(collection_id=collection_id, by=trail.actor_id(by))
    return collection


def purposes_preview(*, by: User, collection_id: UUID, purposes: dict[str, Any]) -> Reconsidered:
    """Which assets would disappear or come back if the collection had these purposes.

    Raises:
        NotVisible, NotAllowed: ``by`` does not govern it. Invalid: they cannot be meant so.
    """
    access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)

    def change() -> Reconsidered:
        collection = _locked(collection_id)
        _apply(collection, {"purposes": purposes})
        collection.save(update_fields=["purposes"])
        return reconsider(collection_id=collection_id, dry_run=True)

    return would_change(change)


def collection_delete(*, by: User, collection_id: UUID) -> None:
    """Take away an empty collection.

    Raises:
        NotVisible, NotAllowed: ``by`` does not govern it.
        Conflict: it still holds assets. Content is deleted asset by asset, so that each leaves its
        own record.
    """
    access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)
    with scope.system():
        holds_still()
        collection = _locked(collection_id)
        held = Asset.objects.filter(collection=collection).exclude(state=State.ERASED)
        if held.exists():
            raise Conflict("The collection still holds assets; delete them first.")
        if held_collection(collection_id):
            raise Conflict("A legal hold keeps this collection; it cannot be deleted.")
        trail.note(event="collection:collection:delete", by=by, refs=_refs(collection))
        collection.delete()
        unused_sets_delete()
        # With it goes whatever was hashed under it: contents' digests and hashed placeholders.
        transaction.on_commit(partial(default_keystore().destroy, "collection", str(collection_id)))


def grant_create(
    *,
    by: User | None,
    collection_id: UUID,
    holder: Holder,
    role: str,
    raw: bool = False,
    expires_at: datetime | None = None,
) -> Grant:
    """A role in the collection for a user or a team. ``by`` is a steward of it, or None for set-up.

    ``raw`` goes with a reading role only, and nobody gives it to themselves: a second person
    decides who sees originals.

    Raises:
        NotVisible, NotAllowed: ``by`` does not govern the collection, or asks raw sight for
        themselves. Invalid: raw sight with a role that does not read, or an expiry in the past.
        Conflict: the holder has the very same grant.
    """
    if by is not None:
        access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)
    if raw and role not in _READING_ROLES:
        raise Invalid(_INVALID, fields={"raw": ["Originals are shown only to those who read."]})
    if raw and by is not None and holder.includes(by):
        raise NotAllowed("Somebody else must let you see originals.")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(_INVALID, fields={"expires_at": ["This is in the past."]})
    with scope.system():
        collection = _locked(collection_id)
        wanted = {"user": holder.user, "team": holder.team, "role": role, "raw": raw}
        if Grant.objects.filter(collection=collection, expires_at=expires_at, **wanted).exists():
            raise Conflict("This grant exists already.")
        grant = Grant.objects.create(
            collection=collection, expires_at=expires_at, created_by=by, **wanted
        )
        trail.note(event="access:grant:create", by=by, refs=_grant_refs(grant))
    return grant


def grant_delete(*, by: User | None, collection_id: UUID, grant_id: UUID) -> None:
    """End a grant at once.

    Raises:
        NotVisible: no such collection for ``by``, or no such grant in it.
        NotAllowed: ``by`` does not govern the collection.
        Conflict: nobody would be left to govern it.
    """
    if by is not None:
        access.require(user=by, collection_id=collection_id, permission=Permission.GOVERN)
    with scope.system():
        # Two stewards who remove each other at once would leave none: the collection's row is the
        # lock.
        collection = _locked(collection_id)
        grant = Grant.objects.filter(collection=collection, pk=grant_id).first()
        if grant is None:
            raise NotVisible("There is no such grant.")
        if grant.role == Role.STEWARD and not _stewards_without(grant):
            raise Conflict("This is the last lasting steward; name another one first.")
        trail.note(event="access:grant:delete", by=by, refs=_grant_refs(grant))
        grant.delete()


def _stewards_without(grant: Grant) -> bool:
    """Whether somebody active governs the collection without an end date, apart from ``grant``."""
    others = Grant.objects.filter(
        Q(user__is_active=True) | Q(team__memberships__user__is_active=True),
        collection_id=grant.collection_id,
        role=Role.STEWARD,
        expires_at=None,
    )
    return others.exclude(pk=grant.pk).exists()


def _locked(collection_id: UUID) -> Collection:
    try:
        return Collection.objects.select_for_update().get(pk=collection_id)
    except Collection.DoesNotExist:
        raise NotVisible("There is no such collection.") from None


def _apply(collection: Collection, rules: dict[str, Any]) -> None:
    """Set the rules that are given, each checked."""
    unknown = set(rules) - {"redaction_profile", "retention_policy", "model_set", "purposes"}
    if unknown:
        raise TypeError(f"not a rule of a collection: {sorted(unknown)}")
    if "redaction_profile" in rules:
        collection.redaction_profile = _one_of(
            "redaction_profile", rules["redaction_profile"], all_names()
        )
    if "model_set" in rules:
        # A set of a collection's own comes from a promotion and can only be left.
        choice = tuple(dict.fromkeys((*MODEL_SETS, collection.model_set)))
        collection.model_set = _one_of("model_set", rules["model_set"], choice)
    if "retention_policy" in rules:
        collection.retention_policy = _policy(rules["retention_policy"])
    if "purposes" in rules:
        collection.purposes = _purposes(collection.purposes, rules["purposes"])


def _one_of(field: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise Invalid(_INVALID, fields={field: [f"Choose of: {', '.join(known)}."]})
    return value


def _policy(policy_id: UUID | None) -> RetentionPolicy | None:
    if policy_id is None:
        return None
    policy = RetentionPolicy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise Invalid(_INVALID, fields={"retention_policy": ["There is no such policy."]})
    return policy


def _purposes(before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """``before`` with what ``given`` names."""
    for purpose in given:
        if purpose not in PURPOSES:
            raise Invalid(_INVALID, fields={"purposes": [f"Choose of: {', '.join(PURPOSES)}."]})
    merged = before | {purpose: before.get(purpose, {}) | rule for purpose, rule in given.items()}
    for purpose in given:
        problem = rule_problem(merged[purpose])
        if problem:
            raise Invalid(_INVALID, fields={"purposes": [f"{purpose}: {problem}"]})
    return merged


def _refs(collection: Collection) -> trail.Refs:
    return {"collection": str(collection.pk)}


def _note_profile(collection: Collection, by: User) -> None:
    """What is uploaded from now on is redacted by another profile."""
    refs = _refs(collection) | {"profile": profile_of(collection).ref}
    trail.note(event="policy:profile:assign", by=by, refs=refs)


def _grant_refs(grant: Grant) -> trail.Refs:
    holder = Holder(user=grant.user, team=grant.team)
    refs: trail.Refs = {
        "collection": str(grant.collection_id),
        "grant": str(grant.pk),
        "role": grant.role,
    }
    if grant.raw:
        refs["raw"] = "yes"
    return refs | holder.ref
