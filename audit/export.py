"""The ledger as JSON lines, a page of entries at a time, for whoever checks it elsewhere.

The first line is a signed statement of what follows; then come the public keys and the signed
checkpoints, then one entry a line (canonical JSON, with ``hash`` among its members).

Nobody's name is in it: who did something is a random id, whose name lies encrypted in another table
and goes with its period (``audit.actor_periods``); confidential payloads are ciphertext. The hash
is over these ids and over this ciphertext, which is why an export needs nothing taken out of it to
be handed on, and why it still verifies after every key is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.utils import timezone

from audit import ledger, signing
from audit.chain import Entry, canonical, canonical_time, entry_fields
from audit.chaining import BATCH, chain_pending
from audit.checkpoint_models import Checkpoint
from audit.models import LedgerEntry
from audit.rotation import known_keys
from audit.verification import entries_read

PURPOSE = "ledger-export"
_PAGE = 5000


def export_lines(*, by: UUID | None) -> Iterator[bytes]:
    """The export's lines, each ended by a line feed.

    Reads in pages, each its own query, so that neither memory nor a transaction grows with the
    ledger: what is read never changes, and what comes meanwhile is not exported. The ledger gets an
    entry ``audit:ledger:export`` before the first line, which is part of the export.
    """
    ledger.record(event="audit:ledger:export", actor=by, refs={})
    # All of them, and before the end is looked for: one that knows more entries than there are
    # tells of a cut tail.
    checkpoints = list(Checkpoint.objects.order_by("tree_size").values_list("document", flat=True))
    while chain_pending() >= BATCH:
        pass
    head = LedgerEntry.objects.order_by("-seq").values_list("seq", "hash").first()
    last, digest = (head[0], bytes(head[1])) if head else (0, bytes(32))
    yield _line(_header(last, digest, by))
    for name, key in known_keys().items():
        yield _line({"key_id": name, "public_key": signing.pem_of(key)})
    for document in checkpoints:
        yield _line({"checkpoint": document})
    for start in range(0, last, _PAGE):
        yield from _page(start, min(_PAGE, last - start))


def entry_line(entry: Entry) -> bytes:
    """One entry of the export: its canonical form with ``hash`` in its place in it.

    An entry that no function of ours wrote is exported as it is, for the verifier to name.
    """
    try:
        form = canonical(entry)
    except (TypeError, ValueError, AttributeError):
        return _line(dict(entry_fields(entry)))
    head, mark, rest = form.partition(b',"payload":')
    return head + b',"hash":"' + entry.hash.hex().encode() + b'"' + mark + rest + b"\n"


def _page(start: int, rows: int) -> Iterator[bytes]:
    # Joined, because a web server sends each piece by itself.
    lines = [entry_line(one) for one in entries_read(start, rows)]
    for at in range(0, len(lines), 200):
        yield b"".join(lines[at : at + 200])


def _header(last: int, digest: bytes, by: UUID | None) -> dict[str, Any]:
    body = {
        "type": "vitrine-ledger-export",
        "version": 1,
        "last_seq": last,
        "head_hash": digest.hex(),
        "exported_at": canonical_time(timezone.now()),
        "exported_by": None if by is None else str(by),
    }
    return signing.signed(PURPOSE, body)


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
