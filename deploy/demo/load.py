"""Sets up the demo: people, collections and grants, then the items, all through the services."""

from __future__ import annotations

import csv
import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.db.models import Count

from accounts.models import Team, User
from accounts.services.teams import member_add, team_create
from accounts.services.tokens import token_create
from accounts.services.users import user_create
from deploy.credentials import GrantEntry, UserEntry, credentials_read, credentials_update
from deploy.demo.cast import CAST, Cast, DemoGrant, DemoUser
from retrieval import scope
from retrieval.access import access_by_collection
from retrieval.models import Asset, Collection, Role
from retrieval.services.collections import Holder, collection_create, grant_create
from retrieval.states import RESTING, State

HERE = Path(__file__).resolve().parent
ITEMS = HERE / "items"
MANIFEST = HERE / "manifest.tsv"

# 12 random bytes are 96 bits; nobody has to type these passwords.
_PASSWORD_BYTES = 12


@dataclass(frozen=True)
class DemoItem:
    """One file of the demo and what is told about it on upload."""

    path: Path
    collection: str
    title: str
    source: str


def demo_items(manifest: Path = MANIFEST) -> list[DemoItem]:
    """Every item, in the order of the manifest."""
    with manifest.open(encoding="utf-8", newline="") as file:
        return [
            DemoItem(
                path=ITEMS / row["file"],
                collection=row["collection"],
                title=row["title"],
                source=f"{row['licence']}, {row['author'] or 'no author named'}",
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]


@dataclass(frozen=True)
class Standing:
    """How many items there are, how many came to rest, and how many can be found."""

    total: int
    resting: int
    searchable: int


def where_they_stand(collections: list[UUID]) -> Standing:
    """Where the assets of these collections stand. One query."""
    with scope.system():
        rows = Asset.objects.filter(collection_id__in=collections).values_list("state")
        counts = {State(state): number for state, number in rows.annotate(n=Count("id")).order_by()}
    return Standing(
        total=sum(counts.values()),
        resting=sum(number for state, number in counts.items() if state in RESTING),
        searchable=counts.get(State.SEARCHABLE, 0),
    )


def people_and_collections(*, cast: Cast = CAST) -> dict[str, Collection]:
    """The demo's collections by key; what is missing of them, people and grants is made.

    Idempotent: a start that was cut short is completed by the next one.
    """
    admin = User.objects.get(username="admin")
    teams = {slug: _team(slug, name) for slug, name in cast.teams}
    users = {user.username: _user(user, teams) for user in cast.users}
    collections = {}
    for wanted in cast.collections:
        with scope.system():
            found = Collection.objects.filter(name=wanted.name, created_by=admin).first()
        collections[wanted.key] = found or collection_create(
            by=admin,
            name=wanted.name,
            description=wanted.description,
            redaction_profile=wanted.redaction_profile,
        )
    for grant in cast.grants:
        _grant(grant, collections[grant.collection], users, teams)
    _write_credentials(users, collections)
    return collections


def _team(slug: str, name: str) -> Team:
    return Team.objects.filter(slug=slug).first() or team_create(by=None, slug=slug, name=name)


def _user(wanted: DemoUser, teams: dict[str, Team]) -> User:
    user = User.objects.filter(username=wanted.username).first()
    if user is None:
        user = user_create(
            by=None,
            username=wanted.username,
            password=secrets.token_urlsafe(_PASSWORD_BYTES),
            may_create_collections=wanted.may_create_collections,
            must_change_password=False,
        ).user
    for slug in wanted.teams:
        member_add(by=None, team=teams[slug], user=user)
    return user


def _grant(
    wanted: DemoGrant, collection: Collection, users: dict[str, User], teams: dict[str, Team]
) -> None:
    holder = Holder(user=users.get(wanted.user), team=teams.get(wanted.team))
    role = Role(wanted.role)
    exists = collection.grants.filter(user=holder.user, team=holder.team, role=role).exists()
    if not exists:
        grant_create(by=None, collection_id=collection.pk, holder=holder, role=role, raw=wanted.raw)


def _write_credentials(users: dict[str, User], collections: dict[str, Collection]) -> None:
    """Passwords and tokens into credentials.json, drawn anew for whoever is not in it."""
    known = {entry["username"]: entry for entry in credentials_read().get("demo_users", [])}
    entries: list[UserEntry] = []
    for username, user in users.items():
        entry = known.get(username)
        if entry is None:
            password = secrets.token_urlsafe(_PASSWORD_BYTES)
            user.set_password(password)
            user.save(update_fields=["password"])
            entry = {
                "username": username,
                "password": password,
                "token": token_create(user=user).token,
            }
        entries.append({**entry, "grants": _grants_of(user, collections)})
    credentials_update(demo_users=entries)


def _grants_of(user: User, collections: dict[str, Collection]) -> list[GrantEntry]:
    held = access_by_collection(user=user, collections=[one.pk for one in collections.values()])
    return [
        {"collection": str(one.pk), "name": one.name, "role": role}
        for one in collections.values()
        if one.pk in held
        for role in sorted(held[one.pk].roles)
    ]
