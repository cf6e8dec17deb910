"""After an older database came back: what happened since is applied before anything is served.

Order matters. What was erased is erased again; then what was withdrawn, restricted, objected to,
linked and held is so again; then every asset's grounds are looked at anew, and retention takes what
fell due. All of it may be run again. What was *granted* since (consents, accounts, grants, assets)
is not in the backup and does not come back; grants that were *taken away* since are back, and
whoever restores is told to look through them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.clock import ClockImplausible
from audit.erasure_models import Tombstone
from audit.hold_models import LegalHold
from audit.lines import lines_read
from audit.searches import purge_kept_queries
from audit.subject_models import ConsentRecord, DataSubject
from audit.tombstones import Filed, filed_from, tombstones_file
from retrieval import scope
from retrieval.journal import Line, journal_catch_up, journal_read
from retrieval.models import Asset, Collection
from retrieval.selectors.scrubbing import tables_to_scrub
from retrieval.services.purge import PurgeRunning, purge
from retrieval.services.scrubbing import scrub
from retrieval.services.withholding import reconsider
from retrieval.states import State
from retrieval.subject_models import AssetSubject

_MOMENTS = frozenset(
    {"starts_at", "withdrawn_at", "restricted_at", "objected_at", "placed_at", "released_at"}
)
_NOT_FIELDS = frozenset({"kind", "id"})
_PURGED = ("raw", "rendition", "vectors", "transcript", "thumbnail", "blind", "feedback")
_ASSET = Tombstone.Kind.ASSET
_REASON = "placed before the database was restored; its reason was lost"


@dataclass(frozen=True)
class Applied:
    """How many tombstones and lines of the journal changed anything, and what that led to.

    ``refused``: why nothing was purged, where the clock is not to be trusted.
    """

    erased: int
    replayed: int
    withheld: int
    purged: int
    scrubbed: int
    refused: str


def restored_apply() -> Applied:
    """What was erased, decided and fell due since the backup takes effect. Idempotent."""
    from retrieval.services.erasures import tombstones_apply

    stones = list(lines_read(tombstones_file()))
    erased = tombstones_apply(stones)
    replayed = journal_apply()
    withheld = 0
    with scope.system():
        collections = list(Collection.objects.values_list("id", flat=True))
    for collection_id in collections:
        with transaction.atomic():
            withheld += len(reconsider(collection_id=collection_id).withheld)
    purge_kept_queries()
    purged, refused = _purge()
    journal_catch_up()
    scrubbed = _scrub([one for line in stones if (one := filed_from(line))]) if erased else 0
    return Applied(erased, replayed, withheld, purged, scrubbed, refused)


def _purge() -> tuple[int, str]:
    """How much fell due and is gone; or why nothing was purged, for a person to decide."""
    try:
        done = purge()
    except (ClockImplausible, PurgeRunning) as error:
        return 0, error.detail
    return sum(getattr(done, what) for what in _PURGED), ""


def _scrub(stones: list[Filed]) -> int:
    """How many tables were rid of the bytes of what has just been erased, and the log with them."""
    with scope.system():
        tables = tables_to_scrub([], deleted=[one.id for one in stones if one.kind == _ASSET])
    return len(scrub(tables).tables)


def journal_apply(lines: list[Line] | None = None) -> int:
    """How many lines of the journal said something that the database did not know.

    Subjects first, then records and links, which name them, then holds.
    """
    given = journal_read() if lines is None else lines
    applied = 0
    for kind, apply in _APPLY.items():
        for line in given:
            if line["kind"] != kind:
                continue
            with scope.system():
                applied += apply(line)
    return applied


def _purposes(line: Line) -> bool:
    changed = Collection.objects.filter(id=UUID(line["id"])).exclude(purposes=line["purposes"])
    return bool(changed.update(purposes=line["purposes"]))


def _subject(line: Line) -> bool:
    said = _fields(line)
    row = DataSubject.objects.select_for_update().filter(id=UUID(line["id"])).first()
    if row is None:
        row = DataSubject(id=UUID(line["id"]))
    elif row.state == DataSubject.State.ERASED or row.tick >= said["tick"]:
        return False
    if said["state"] == DataSubject.State.ERASED:
        return False  # that is the tombstones' business
    for name, value in said.items():
        setattr(row, name, value)
    row.save()
    return True


def _withdrawal(line: Line) -> bool:
    said = _fields(line)
    _subject_there(said["subject"], tick=said["withdrawn_tick"] or 0)
    found = ConsentRecord.objects.select_for_update().filter(id=UUID(line["id"]))
    if found.exists():
        return bool(
            found.filter(withdrawn_at=None).update(
                withdrawn_at=said["withdrawn_at"],
                withdrawn_tick=said["withdrawn_tick"],
                next_change_at=None,
            )
        )
    same = ConsentRecord.objects.filter(series=said["series"], version=said["version"])
    if same.exists():
        return False
    ConsentRecord.objects.create(id=UUID(line["id"]), **said)
    return True


def _link(line: Line) -> bool:
    asset_id, subject_id = (UUID(part) for part in line["id"].split("/"))
    if line.get("gone"):
        return bool(AssetSubject.objects.filter(asset_id=asset_id, subject=subject_id).delete()[0])
    if not Asset.objects.filter(id=asset_id).exclude(state=State.ERASED).exists():
        return False
    if not _subject_there(subject_id, tick=0):
        return False
    _, made = AssetSubject.objects.get_or_create(
        asset_id=asset_id, subject=subject_id, defaults={"via": line.get("via", "console")}
    )
    return made


def _hold(line: Line) -> bool:
    said = _fields(line)
    row = LegalHold.objects.select_for_update().filter(id=UUID(line["id"])).first()
    if row is None:
        LegalHold.objects.create(id=UUID(line["id"]), reason=_REASON, **said)
        return True
    if row.state == said["state"]:
        return False
    if row.state == LegalHold.State.RELEASED:
        return False
    for name in ("state", "released_by", "released_at"):
        setattr(row, name, said[name])
    row.save()
    return True


def _subject_there(subject_id: UUID, *, tick: int) -> bool:
    """Whether the subject is there now and not erased; one that came after the backup is made."""
    row, _ = DataSubject.objects.get_or_create(id=subject_id, defaults={"tick": tick})
    if row.tick < tick:
        DataSubject.objects.filter(id=subject_id).update(tick=tick)
    return row.state != DataSubject.State.ERASED


def _fields(line: Line) -> dict[str, Any]:
    """A line's fields as the rows have them."""
    return {name: _value(name, value) for name, value in line.items() if name not in _NOT_FIELDS}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _MOMENTS:
        return datetime.fromisoformat(value).astimezone(UTC)
    if name in _IDS:
        return UUID(value)
    return value


_IDS = frozenset(
    {"subject", "series", "asset", "collection", "query", "home", "placed_by", "released_by"}
)
_APPLY: dict[str, Callable[[Line], bool]] = {
    "purposes": _purposes,
    "subject": _subject,
    "withdrawal": _withdrawal,
    "link": _link,
    "hold": _hold,
}
