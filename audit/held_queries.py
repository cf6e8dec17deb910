"""A kept query under a legal hold: a copy under a key of its own.

Ordinarily a query shares its key with all that fall due in the same ten minutes, and that key is
destroyed on time. A hold takes a copy out, encrypted under a key of this one search, which lasts
until the last hold on the query is released. It keeps and does not show: explanation and replay
end on time as ever; the copy is read only where a query is disclosed.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID, uuid4

from django.db import transaction

from audit.crypto import decrypt_small, encrypt_small
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.models import SearchRecord
from audit.searches import kept_query

_KIND = "period"
_KEYS = "held-"
_PURPOSE = "held query"
_ID_BYTES = 16  # the copy begins with the id of its key


def query_hold(*, search_id: UUID) -> bool:
    """Whether the query is held from now on, in the caller's transaction; False: it was gone."""
    record = SearchRecord.objects.select_for_update().filter(id=search_id).first()
    if record is None:
        return False
    if record.held_query is not None:
        return True
    query = kept_query(record)
    if query is None:
        return False
    key_id = uuid4()  # a new one each time: a key that was destroyed never comes back
    key = default_keystore().get_or_create(_KIND, f"{_KEYS}{key_id}")
    sealed = encrypt_small(key, query, purpose=_PURPOSE, object_id=str(search_id))
    record.held_query = key_id.bytes + sealed
    record.save(update_fields=["held_query"])
    return True


def query_unhold(*, search_id: UUID) -> None:
    """Empties the copy in the caller's transaction; its key is destroyed once that commits."""
    record = SearchRecord.objects.select_for_update().filter(id=search_id).first()
    if record is None or record.held_query is None:
        return
    name = _key_name(record.held_query)
    record.held_query = None
    record.save(update_fields=["held_query"])
    # If the process dies before this, ``held_keys_prune`` finds a key that nothing names.
    transaction.on_commit(partial(default_keystore().destroy, _KIND, name))


def held_query(record: SearchRecord) -> bytes | None:
    """What was kept of a query that is under a hold, as ``audit.searches.kept_query`` gives it."""
    if record.held_query is None:
        return None
    blob = bytes(record.held_query)
    try:
        key = default_keystore().get(_KIND, _key_name(blob))
    except (KeyDestroyed, KeyMissing):
        return None
    return decrypt_small(key, blob[_ID_BYTES:], purpose=_PURPOSE, object_id=str(record.id))


def held_keys_prune() -> int:
    """How many keys were destroyed that no copy names any more. Call it after ``holds_still``."""
    copies = SearchRecord.objects.filter(held_query__isnull=False)
    blobs = copies.values_list("held_query", flat=True)
    named = {_key_name(one) for one in blobs if one is not None}
    keys = default_keystore()
    strays = [one for one in keys.ids(_KIND) if one.startswith(_KEYS) and one not in named]
    for name in strays:
        keys.destroy(_KIND, name)
    return len(strays)


def _key_name(blob: bytes | memoryview) -> str:
    return f"{_KEYS}{UUID(bytes=bytes(blob[:_ID_BYTES]))}"
