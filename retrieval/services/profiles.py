"""Making and changing redaction profiles. A version is never changed: a change is the next one.

Stewards govern their collections' policies, so they make profiles and choose among them, as
governors do; nobody changes a profile under a collection that is not theirs to govern.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from audit.crypto import derive_key
from audit.keystore import default_keystore
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.models import Collection
from retrieval.profile_models import RedactionProfile
from retrieval.redaction.base import Profile
from retrieval.redaction.errors import ProfileError
from retrieval.redaction.kinds import KINDS
from retrieval.redaction.profile_compare import COMBINED, changed_fields
from retrieval.redaction.profile_schema import profile_from, rules_to
from retrieval.redaction.registry import profile_names
from retrieval.selectors.profiles import (
    may_change,
    may_make,
    profile_named,
    profile_of,
    profile_of_row,
)

__all__ = ["hash_key", "profile_change", "profile_create", "profile_named", "profile_of"]

_NOT_USABLE = "The profile cannot be used."
_TAKEN = "There is a profile of this name already."


def profile_create(*, by: User, name: str, rules: Mapping[str, Any]) -> RedactionProfile:
    """Version 1 of a new profile; ``rules`` as ``profile_schema.rules_to`` writes them.

    Raises:
        NotAllowed: ``by`` neither governs nor stewards anything.
        Invalid: a rule that cannot be meant so, or a kind that nothing finds.
        Conflict: the name is taken.
    """
    if not may_make(user=by):
        raise NotAllowed("Profiles are made by governors and stewards.")
    if name in (*profile_names(), COMBINED):
        raise Conflict(_TAKEN, fields={"name": [_TAKEN]})
    profile = _checked(name, 1, rules)
    row = _added(profile, by)
    _noted("create", row, by)
    return row


def profile_change(*, by: User, name: str, rules: Mapping[str, Any]) -> RedactionProfile:
    """The next version of a profile. The collections that use it are redacted by it from now on.

    What they hold already stays as it is until it is redacted anew (``services.reredaction``).

    Raises:
        NotVisible: no such profile. NotAllowed: it is not ``by``'s to change, or is shipped.
        Invalid: as ``profile_create``.
        Conflict: nothing would change, or somebody else changed it in this moment.
    """
    if name in profile_names():
        raise NotAllowed("Profiles that ship are not changed; make one of your own.")
    if not may_make(user=by):
        raise NotAllowed("Profiles are changed by governors and stewards.")
    newest = RedactionProfile.objects.filter(name=name).order_by("-version").first()
    if newest is None:
        raise NotVisible("There is no such profile.")
    if not may_change(user=by, name=name):
        raise NotAllowed("A collection that you do not govern uses this profile.")
    before = profile_of_row(newest)
    profile = _checked(name, newest.version + 1, rules)
    changed = changed_fields(before, profile)
    if not changed:
        raise Conflict("Nothing differs from the present version.")
    row = _added(profile, by)
    _noted("change", row, by, changed=changed)
    return row


def hash_key(*, collection_id: UUID, profile: Profile) -> bytes:
    """The collection's key for the operator ``hash``; empty where the profile hashes nothing.

    Derived from the collection's own key, which is destroyed with it.
    """
    if all(rule.operator != "hash" for rule in profile.entities.values()):
        return b""
    key = default_keystore().get_or_create("collection", str(collection_id))
    return derive_key(key, info=b"vitrine redaction hash")


def _checked(name: str, version: int, rules: Mapping[str, Any]) -> Profile:
    if not isinstance(rules, Mapping) or {"name", "version"} & set(rules):
        raise Invalid(_NOT_USABLE, fields={"rules": ["Rules are a JSON object without a name."]})
    try:
        profile = profile_from({**rules, "name": name, "version": version})
    except ProfileError as error:
        field = "name" if error.field == "name" else f"rules.{error.field}".rstrip(".")
        raise Invalid(_NOT_USABLE, fields={field: [error.problem]}) from None
    unknown = sorted(set(profile.entities) - KINDS)
    if unknown:
        message = (
            f"Nothing finds {len(unknown)} of the kinds. Known are: {', '.join(sorted(KINDS))}."
        )
        raise Invalid(_NOT_USABLE, fields={"rules.entities": [message]})
    return profile


def _added(profile: Profile, by: User) -> RedactionProfile:
    row = RedactionProfile(
        name=profile.name,
        version=profile.version,
        body=json.loads(json.dumps(rules_to(profile))),
        created_by=actor_id(by),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_TAKEN, fields={"name": [_TAKEN]}) from None
    return row


def _noted(verb: str, row: RedactionProfile, by: User, *, changed: list[str] | None = None) -> None:
    """Which fields changed, not what to: lists may hold names."""
    with scope.system():
        rows = Collection.objects.filter(redaction_profile=row.name)
        using = list(rows.values_list("id", flat=True))
        ledger.record(
            event=f"policy:profile:{verb}",
            actor=actor_id(by),
            refs={"profile": row.ref, **({"collection": using} if using else {})},
            payload={"changed": changed} if changed else None,
        )
