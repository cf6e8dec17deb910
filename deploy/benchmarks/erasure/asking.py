"""Two governors erase people while somebody reads; a process of the benchmark's database.

It is given the subjects on standard input and says how long each receipt took.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any
from uuid import UUID

import django

AT_ONCE = 50
_LIMIT_SECONDS = 1200.0
_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 0.02


class Reader(threading.Thread):
    """Reads what a search reads, again and again; how long it had to wait, in seconds."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.times: list[float] = []
        self.done = threading.Event()

    def run(self) -> None:
        """Until ``done`` is set."""
        from django.db import connection

        from retrieval import scope
        from retrieval.models import Asset, Segment
        from retrieval.vectors import backend, tables

        (table, *_) = tables()
        while not self.done.is_set():
            began = time.monotonic()
            with scope.system():
                asset = Asset.objects.filter(state="searchable").order_by("?").first()
                if asset is not None:
                    Segment.objects.filter(asset=asset).first()
                    backend().fetch(table=table, asset_id=asset.id)
            self.times.append(time.monotonic() - began)
            time.sleep(_PAUSE_SECONDS)
        connection.close()


def erase(subjects: list[UUID]) -> dict[str, Any]:
    """Asks for all, then approves so many at once and waits until each has its receipt."""
    from accounts.models import User
    from audit.erasure_models import ErasureRequest, ScrubRun
    from retrieval import scope
    from retrieval.services.erasures import erasure_approve, erasure_request

    first, second = (User.objects.get(username=name) for name in ("first", "second"))
    began = time.monotonic()
    ids = [erasure_request(by=first, subject_id=one).id for one in subjects]
    asked = time.monotonic() - began
    reader = Reader()
    reader.start()
    began = time.monotonic()
    for first_of in range(0, len(ids), AT_ONCE):
        some = ids[first_of : first_of + AT_ONCE]
        for request_id in some:
            erasure_approve(by=second, request_id=request_id)
        _wait(some)
    total = time.monotonic() - began
    reader.done.set()
    reader.join()
    with scope.system():
        states = Counter(ErasureRequest.objects.values_list("state", flat=True))
        requests = list(ErasureRequest.objects.all())
        runs = list(ScrubRun.objects.all())
    return {
        "states": states,
        "ask_seconds": asked / len(ids),
        "total_seconds": total,
        "approved_to_receipt": [
            (one.done_at - one.decided_at).total_seconds()
            for one in requests
            if one.done_at and one.decided_at
        ],
        "erased_to_receipt": [
            (one.done_at - one.erased_at).total_seconds()
            for one in requests
            if one.done_at and one.erased_at
        ],
        "scrubs": len(runs),
        "locked_ms": max((one.locked_ms for one in runs), default=0),
        "not_reached": sorted({n["what"] for one in runs for n in one.not_reached}),
        "reads": reader.times,
        **_receipts(),
    }


def _wait(ids: list[UUID]) -> None:
    from audit.erasure_models import ErasureRequest
    from retrieval import scope

    limit = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < limit:
        with scope.system():
            going = ErasureRequest.objects.filter(id__in=ids).exclude(
                state__in=["done", "held", "failed"]
            )
            if not going.exists():
                return
        time.sleep(_POLL_SECONDS)


def _receipts() -> dict[str, Any]:
    from audit import signing
    from audit.erasure_models import ErasureReceipt
    from retrieval import scope
    from retrieval.selectors.erasures import receipt_document
    from retrieval.services.erasure_receipts import PURPOSE

    before: Counter[str] = Counter()
    after = sound = proven = 0
    with scope.system():
        for receipt in ErasureReceipt.objects.all():
            document = receipt_document(receipt)
            body = {name: value for name, value in document.items() if name != "signature"}
            sound += signing.verify(PURPOSE, body, document["signature"])
            proven += body["ledger"] is not None
            after += sum(one["after"] for one in body["stores"])
            before.update({one["name"]: one["before"] for one in body["stores"]})
    return {"signed": sound, "proven": proven, "left": after, "stores": dict(before)}


def main() -> int:
    """Erases, and says how it went."""
    django.setup()
    subjects = [UUID(one) for one in json.loads(sys.stdin.read())]
    sys.stdout.write(json.dumps(erase(subjects)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
