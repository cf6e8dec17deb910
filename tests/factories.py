"""Users, teams, collections, grants and assets for tests, made within ``scope.system()``."""

from __future__ import annotations

import itertools
import os
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import Membership, Team, User
from audit.models import RetentionPolicy
from audit.subjects import subject_create
from retrieval import media, scope
from retrieval.models import (
    Asset,
    Collection,
    Grant,
    ModelVersion,
    RedactionReport,
    Review,
    Segment,
    Space,
    VectorTable,
)
from retrieval.redaction.base import Finding, finding_to
from retrieval.services.description import Description, description_write
from retrieval.states import RawState, State

_numbers = itertools.count(1)
PASSWORD = "a-long-enough-passphrase-7"


def make_user(username: str = "", **fields: Any) -> User:
    """An active user who may do nothing yet."""
    return User.objects.create_user(
        username=username or f"user{next(_numbers)}",
        password=fields.pop("password", None),
        **fields,
    )


def make_team(*members: User, slug: str = "") -> Team:
    """A team of these members."""
    team = Team.objects.create(slug=slug or f"team-{next(_numbers)}", name="A team")
    for member in members:
        Membership.objects.create(user=member, team=team)
    return team


def make_policy(*rules: dict[str, Any]) -> RetentionPolicy:
    """A policy with these rules."""
    return RetentionPolicy.objects.create(name=f"policy {next(_numbers)}", rules=list(rules))


def make_collection(name: str = "", **fields: Any) -> Collection:
    """A collection nobody has a grant in."""
    with scope.system():
        return Collection.objects.create(name=name or f"collection {next(_numbers)}", **fields)


def grant(
    collection: Collection,
    holder: User | Team,
    role: str = "searcher",
    *,
    raw: bool = False,
    expired: bool = False,
) -> Grant:
    """A role for a user or a team; ``expired``: it ended a minute ago."""
    with scope.system():
        return Grant.objects.create(
            collection=collection,
            user=holder if isinstance(holder, User) else None,
            team=holder if isinstance(holder, Team) else None,
            role=role,
            raw=raw,
            expires_at=timezone.now() - timedelta(minutes=1) if expired else None,
        )


def make_reader(collection: Collection, role: str = "searcher", *, raw: bool = False) -> User:
    """A user with one grant."""
    user = make_user()
    grant(collection, user, role, raw=raw)
    return user


def make_asset(
    collection: Collection,
    *,
    state: State | str = State.SEARCHABLE,
    raw: bytes | None = None,
    rendition: bytes | None = None,
    thumbnail: bytes | None = None,
    name: str = "file.txt",
    segments: tuple[str, ...] = (),
    **fields: Any,
) -> Asset:
    """An asset in any state, with the blobs and text segments given and no others."""
    fields = {"modality": "text", "title": "A title", "size_bytes": len(raw or b""), **fields}
    if fields["modality"] == "text":
        fields.setdefault("media_type", "text/plain; charset=utf-8")
    with scope.system():
        asset = Asset.objects.create(
            collection=collection,
            state=state,
            digest=os.urandom(32),
            raw_state=fields.pop("raw_state", RawState.KEPT),
            **fields,
        )
        Segment.objects.bulk_create(
            Segment(
                asset=asset,
                collection=collection,
                modality=asset.modality,
                kind="chunk",
                ordinal=number,
                text=text,
                start=0,
                end=len(text),
            )
            for number, text in enumerate(segments)
        )
    for kind, data in (
        (media.Blob.RAW, raw),
        (media.Blob.RENDITION, rendition),
        (media.Blob.THUMBNAIL, thumbnail),
    ):
        if data is not None:
            media.write_blob(kind, asset.pk, data).publish()
    if raw is not None:
        description_write(asset_id=asset.pk, description=Description(name=name)).publish()
    return asset


def make_review(
    asset: Asset,
    *,
    remaining: tuple[Finding, ...] = (),
    low: tuple[Finding, ...] = (),
    verified: bool = True,
    **fields: Any,
) -> Review:
    """An open review of an asset, over a report of what redaction found in it."""
    with scope.system():
        report = RedactionReport.objects.create(
            asset=asset,
            collection=asset.collection,
            profile_version="standard@1",
            remaining=[finding_to(one) for one in remaining],
            low=[finding_to(one) for one in low],
            verified_at=timezone.now() if verified else None,
        )
        searchable = asset.state == State.SEARCHABLE
        given = {
            "kind": Review.Kind.LOW_CONFIDENCE if searchable else Review.Kind.QUARANTINED,
            "reason": "low-confidence" if searchable else "redaction-incomplete",
            "reason_detail": "A second look still found something.",
            "report": report,
            **fields,
        }
        return Review.objects.create(asset=asset, collection=asset.collection, **given)


def make_model(
    *,
    table: str,
    name: str = "fake",
    dimension: int = 8,
    modalities: tuple[str, ...] = ("text", "image", "audio"),
) -> ModelVersion:
    """An active model version over a vector table that exists already (``ddl.create_table``)."""
    version = ModelVersion.objects.create(
        name=name,
        version="1",
        space=Space.objects.create(name=name, dimension=dimension),
        status=ModelVersion.Status.ACTIVE,
        modalities=list(modalities),
        manifest={"name": name, "version": "1", "towers": {m: {"input": {}} for m in modalities}},
        manifest_sha256="0" * 64,
    )
    VectorTable.objects.create(model_version=version, table=table, dimension=dimension, shards=1)
    return version


def reloaded(asset: Asset) -> Asset:
    """The row as it is now."""
    with scope.system():
        return Asset.objects.get(pk=asset.pk)


def make_subject(identifier: str = "") -> UUID:
    """A person whom assets can be about."""
    with scope.system():
        return subject_create(by=None, identifier=identifier).subject.id
