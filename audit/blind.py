"""Finding the assets that once held somebody's identifier, though the identifier was taken out.

Of each identifier a digest is kept, under a key of its asset that is derived from the key of the
month in which the asset came (``audit.blind_digest``). What a reader of the table without the keys
learns is how many identifiers of each form an asset had, and nothing about which assets share one.
Finding one costs two HMACs an asset and one for each form; it is done for requests of data
subjects, not for searches. A month's key is destroyed once its period is over, and with it every
copy of the digests, in backups and in the write-ahead log too.

The caller is inside ``retrieval.scope.system``: row-level security shows the table to nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from audit.blind_digest import asset_key, digest
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.models import BlindIndex

_KIND = "period"
_FORMAT = "blind-%Y-%m"
_BATCH = 1_000
_FETCH = 100_000  # assets a statement: each goes through the table once
_MATCHING = """
SELECT kept.asset_id
FROM unnest(%s::uuid[], %s::bytea[]) AS wanted (asset_id, digest)
JOIN audit_blindindex AS kept ON kept.asset_id = wanted.asset_id AND kept.digest = wanted.digest
"""


def blind_key(*, asset_id: UUID, received_at: datetime) -> bytes:
    """The key under which identifiers of an asset are hashed; empty where nothing may be kept.

    The period counts from the month in which the asset came: redacting it again later does not
    prolong it.
    """
    if expires_at(received_at) <= timezone.now():
        return b""
    try:
        key = default_keystore().get_or_create(_KIND, _period(received_at))
    except KeyDestroyed:
        return b""
    return asset_key(key, asset_id)


def expires_at(received_at: datetime) -> datetime:
    """When what is kept of an asset of that day falls due: so many days after its month's end."""
    if settings.VITRINE_BLIND_INDEX_DAYS <= 0:
        return received_at
    month = received_at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_month = (month + timedelta(days=32)).replace(day=1)
    return next_month + timedelta(days=settings.VITRINE_BLIND_INDEX_DAYS)


def blind_replace(
    *, asset_id: UUID, received_at: datetime, entries: Iterable[tuple[str, bytes]]
) -> None:
    """What is kept of an asset: these pairs of form and digest, and nothing from before."""
    blind_forget(asset_ids=[asset_id])
    due = expires_at(received_at)
    if due <= timezone.now():
        return
    rows = [
        BlindIndex(
            asset_id=asset_id,
            form=form,
            digest=one,
            period=_period(received_at),
            expires_at=due,
        )
        for form, one in dict.fromkeys(entries)
    ]
    BlindIndex.objects.bulk_create(rows, batch_size=_BATCH)


def blind_forget(*, asset_ids: Sequence[UUID]) -> int:
    """How many rows went; for whoever destroys or empties assets."""
    return BlindIndex.objects.filter(asset_id__in=list(asset_ids)).delete()[0]


def blind_lookup(forms: Sequence[tuple[str, str]]) -> list[UUID]:
    """Ids of the assets that held any of ``forms``, pairs of form and normalised value, by id.

    Goes through all assets with rows of these forms, in pieces.
    """
    names = list({form for form, _ in forms})
    rows = BlindIndex.objects.filter(form__in=names, expires_at__gt=timezone.now())
    assets = rows.order_by().values_list("asset_id", "period").distinct()
    keys: dict[str, bytes] = {}
    found: set[UUID] = set()
    for some in _pieces(assets.iterator(chunk_size=_FETCH)):
        found |= _matching(_wanted(some, forms, keys))
    return sorted(found)


def blind_purge(*, now: datetime | None = None) -> int:
    """How many rows went because their period is over; the months' keys are destroyed first."""
    now = now or timezone.now()
    keys = default_keystore()
    months = [key_id for key_id in keys.ids(_KIND) if key_id.startswith("blind-")]
    over = [key_id for key_id in months if expires_at(_month(key_id)) <= now]
    for key_id in over:
        keys.destroy(_KIND, key_id)
    return BlindIndex.objects.filter(Q(expires_at__lte=now) | Q(period__in=over)).delete()[0]


def blind_due(*, now: datetime | None = None) -> int:
    """How many rows ``blind_purge`` would remove."""
    return BlindIndex.objects.filter(expires_at__lte=now or timezone.now()).count()


def _pieces(rows: Iterable[tuple[UUID, str]]) -> Iterator[list[tuple[UUID, str]]]:
    ahead = iter(rows)
    while some := list(islice(ahead, _FETCH)):
        yield some


def _wanted(
    assets: Iterable[tuple[UUID, str]], forms: Sequence[tuple[str, str]], keys: dict[str, bytes]
) -> list[tuple[UUID, bytes]]:
    """What would be kept of each asset if it had held any of ``forms``."""
    wanted = []
    for asset_id, period in assets:
        if period not in keys:
            keys[period] = _period_key(period)
        if keys[period]:
            key = asset_key(keys[period], asset_id)
            wanted += [(asset_id, digest(key, form=form, value=value)) for form, value in forms]
    return wanted


def _matching(wanted: Sequence[tuple[UUID, bytes]]) -> set[UUID]:
    """Those of ``wanted`` that are in the table. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCHING, [[one for one, _ in wanted], [two for _, two in wanted]])
        return {row[0] for row in cursor.fetchall()}


def _period_key(period: str) -> bytes:
    try:
        return default_keystore().get(_KIND, period)
    except (KeyDestroyed, KeyMissing):
        return b""


def _period(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_FORMAT)


def _month(key_id: str) -> datetime:
    return datetime.strptime(key_id, _FORMAT).replace(tzinfo=UTC)
