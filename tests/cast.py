"""The same few people in every test: what each holds is said here once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from knox.models import get_token_model
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.users import user_create
from retrieval.models import Collection
from retrieval.services.collections import Holder, collection_create, grant_create

PASSWORD = "correct horse battery staple"


def person(username: str, **options: Any) -> User:
    """A user with ``PASSWORD``, which need not be changed."""
    made = user_create(
        by=None, username=username, password=PASSWORD, must_change_password=False, **options
    )
    return made.user


def token_of(user: User) -> str:
    return get_token_model().objects.create(user=user)[1]


def client_of(user: User | None) -> APIClient:
    """A client that sends a token of ``user``, or none.

    What a view raises is answered, not raised.
    """
    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(user)}")
    return client


@dataclass(frozen=True)
class Cast:
    """One collection and somebody in every role; the outsider holds nothing anywhere."""

    collection: Collection
    steward: User  # made the collection, so curates it too
    curator: User
    contributor: User
    searcher: User
    governor: User
    operator: User
    outsider: User

    def grant(self, user: User, role: str, **options: Any) -> None:
        grant_create(
            by=None,
            collection_id=self.collection.pk,
            holder=Holder(user=user),
            role=role,
            **options,
        )


def cast() -> Cast:
    steward = person("stella", may_create_collections=True)
    made = Cast(
        collection=collection_create(by=steward, name="Photographs"),
        steward=steward,
        curator=person("cora"),
        contributor=person("conrad"),
        searcher=person("sara"),
        governor=person("gwen", organisation_roles=["governor"]),
        operator=person("oscar", organisation_roles=["operator"]),
        outsider=person("otto"),
    )
    for role in ("curator", "contributor", "searcher"):
        made.grant(getattr(made, role), role)
    return made


def collection_path(collection_id: UUID, rest: str = "") -> str:
    return f"/api/v1/collections/{collection_id}/{rest}"
