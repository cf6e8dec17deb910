"""What a user may search, and with which models: one statement, and mostly not even its rows.

Everything is read under a stamp that changes in the same transaction as what it stands for (see
migration 0012). The statement is told under which stamp this process has read it last; where that
has not moved, nothing is read again. So a revoked grant, a promoted model or a changed policy
counts in the very next search, and 10,000 collections cost it no more than one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import ForeignKey, Model
from psycopg import sql

from accounts.models import User
from audit import actors
from audit.ids import Ids
from audit.wire import executed
from retrieval import access
from retrieval.access import Permission
from retrieval.bridge_models import Bridge
from retrieval.models import Calibration, ModelVersion, Space, VectorTable
from retrieval.profile_models import RedactionProfile
from retrieval.redaction.base import Profile
from retrieval.redaction.errors import UnknownProfileError
from retrieval.redaction.registry import shipped
from retrieval.selectors.bridges import ActiveBridge, bridges_of_rows
from retrieval.selectors.models import ActiveModel, PairParameters, active_model, pair_of_row
from retrieval.selectors.profiles import profile_of_row

# A user's share is a few kilobytes, and 16 bytes a collection.
_USERS = 512
_READ = sql.SQL(
    "SELECT stamp, expires, actor, asset, body, blocks"
    " FROM vitrine_search_reach(%b, %b::text[], %b, %b::timestamptz, %b::bytea, %b::uuid)"
)
_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Readable collections that have all their rules in common."""

    collections: Ids
    redaction_profile: str
    model_set: str
    purposes: Mapping[str, Any]
    retention_rules: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """All that one user may read, at one moment. Shared between searches: not to be changed."""

    parts: tuple[Part, ...]
    versions: Mapping[UUID, ActiveModel]
    default: frozenset[UUID]  # the active ones among them
    sets: Mapping[str, frozenset[UUID]]  # by model set, versions that it names
    calibrations: tuple[PairParameters, ...]
    bridge_rows: tuple[Bridge, ...] = field(repr=False)
    profile_rows: Mapping[str, RedactionProfile] = field(repr=False)

    @cached_property
    def collections(self) -> Ids:
        """Every collection that the user may read."""
        return Ids.merged([part.collections for part in self.parts])

    def bridges(self, models: tuple[ActiveModel, ...]) -> tuple[ActiveBridge, ...]:
        """The bridges between exactly these, the surer ones first."""
        return tuple(bridges_of_rows(self.bridge_rows, models))

    def profile(self, name: str) -> Profile:
        """The newest version of a redaction profile that one of the collections names.

        Raises:
            UnknownProfileError: there is none; nobody may fall back to another.
        """
        found = shipped(name)
        if found is not None:
            return found
        if name not in self.profile_rows:
            raise UnknownProfileError("no redaction profile of that name")
        return profile_of_row(self.profile_rows[name])


@dataclass(frozen=True, kw_only=True)
class QueryAsset:
    """Of an asset that is searched with, what decides whether it may be."""

    collection: UUID
    state: str
    modality: str


@dataclass(frozen=True)
class _Known:
    stamp: str
    expires: datetime | None
    reachable: Reachable


_lock: Final = threading.Lock()
_known: Final[OrderedDict[UUID, _Known]] = OrderedDict()


def reachable_read(
    *, user: User, asset_id: UUID | None = None
) -> tuple[Reachable, QueryAsset | None]:
    """What ``user`` may search now, and the asset of that id if row-level security shows it.

    One statement, in a transaction of its own unless the caller has one.
    """
    with _lock:
        known = _known.get(user.pk)
    values = [
        user.pk,
        sorted(access.roles_giving(Permission.READ)),
        known.stamp if known else "",
        known.expires if known else None,
        actors.blind_of(user.pk),
        asset_id,
    ]
    with executed(_READ, values) as cursor:
        row = cursor.fetchone()
    if row is None:
        raise RuntimeError("vitrine_search_reach answered nothing")
    stamp, expires, actor, asset, body, blocks = row
    # Inside somebody's transaction the actor may be one that goes with it.
    if actor is not None and not connection.in_atomic_block:
        actors.remember(user.pk, actor)
    if body is not None:
        known = _Known(stamp or "", expires, _reachable(body, blocks or []))
        _keep(user.pk, known)
    if known is None:
        raise RuntimeError("vitrine_search_reach vouched for what nobody has read")
    found = QueryAsset(**asset | {"collection": UUID(asset["collection"])}) if asset else None
    return known.reachable, found


def forget_reachable() -> None:
    """Drops what this process knows; for tests that empty the database."""
    with _lock:
        _known.clear()


def _keep(user: UUID, known: _Known) -> None:
    with _lock:
        _known.pop(user, None)
        if known.stamp:
            _known[user] = known
            while len(_known) > _USERS:
                _known.popitem(last=False)


def _reachable(body: Mapping[str, Any], blocks: list[bytes]) -> Reachable:
    versions = [_version(data) for data in body["versions"] or []]
    sets: dict[str, set[UUID]] = {}
    for name, version in body["sets"] or []:
        sets.setdefault(name, set()).add(UUID(version))
    return Reachable(
        parts=tuple(
            Part(
                collections=Ids(bytes(block)),
                redaction_profile=data["redaction_profile"],
                model_set=data["model_set"],
                purposes=data["purposes"],
                retention_rules=data["rules"] or [],
            )
            for data, block in zip(body["parts"] or [], blocks, strict=True)
        ),
        versions={version.pk: active_model(version) for version in versions},
        default=frozenset(v.pk for v in versions if v.status == ModelVersion.Status.ACTIVE),
        sets={name: frozenset(named) for name, named in sets.items()},
        calibrations=tuple(
            pair_of_row(_row(Calibration, data)) for data in body["calibrations"] or []
        ),
        bridge_rows=tuple(_row(Bridge, data) for data in body["bridges"] or []),
        profile_rows={
            data["name"]: _row(RedactionProfile, data) for data in body["profiles"] or []
        },
    )


def _version(data: Mapping[str, Any]) -> ModelVersion:
    version = _row(ModelVersion, data)
    version.space = _row(Space, data["space"])
    version.vector_table = _row(VectorTable, data["vector_table"])
    return version


def _row(model: type[_Row], data: Mapping[str, Any]) -> _Row:
    """A row that Postgres wrote as JSON."""
    values: dict[str, Any] = {}
    for one in model._meta.concrete_fields:  # noqa: SLF001  (documented)
        target = one.target_field if isinstance(one, ForeignKey) else one
        values[one.attname] = target.to_python(data[str(one.column)])
    return model(**values)
