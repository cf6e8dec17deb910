"""Looks for what was planted in every byte that the appliance has written.

A process of the benchmark's database. Given on standard input what was planted, it says what of the
erased was found, and of the kept ones, which are the control.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import django
import numpy as np
import numpy.typing as npt

_HEAD = 8  # bytes of a piece that a first look goes by
_READ_BYTES = 64 << 20
_TABLE_BITS = 22
_SHIFT = np.uint64(64 - _TABLE_BITS)
_KNUTH = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: TAOCP 3, 6.4


def tokens_found(people: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By ``manage.py canary``'s search of every store, in every encoding."""
    from django.conf import settings

    from audit.canary.search import search
    from deploy.canary.places import stores

    # A kept subject's identifier lies encrypted under a key of its own: no search finds it.
    named = [(person["erased"], token) for person in people for token in person["tokens"].values()]
    with ExitStack() as stack:
        every = stores(settings.PATHS, redis_url=settings.REDIS_URL, stack=stack)
        report = search([token for _, token in named], every)
    hits = [(store.name, hit) for store in report.stores for hit in store.hits]
    kept = {hit.token for _, hit in hits if not named[hit.token][0]}
    return {
        "erased": sum(erased for erased, _ in named),
        "erased_found": len({hit.token for _, hit in hits if named[hit.token][0]}),
        "where": sorted(
            {f"{name}: {hit.where} {hit.way}" for name, hit in hits if named[hit.token][0]}
        )[:20],
        "kept": sum(not erased for erased, _ in named),
        "sealed": sum(
            "identifier" in person["tokens"] for person in people if not person["erased"]
        ),
        "kept_found": len(kept),
        "controls_missed": sum(len(store.missed) for store in report.stores),
        "failures": [text for store in report.stores for text in store.failures],
        "bytes": sum(store.bytes_read for store in report.stores),
    }


def vectors_found(people: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By pieces of their bytes, in every file of the database and of the data folder."""
    from django.conf import settings

    from deploy.canary.cluster import pgdata_of

    owner = {
        bytes.fromhex(piece): number
        for number, person in enumerate(people)
        for piece in person["vectors"]
    }
    found: set[int] = set()
    where: set[str] = set()
    size = 0
    pgdata = pgdata_of(settings.PATHS.postgres)
    roots = [settings.PATHS.data, *([pgdata] if pgdata else [])]
    for path in dict.fromkeys(file for root in roots for file in _files(root)):
        for data in _pieces(path):
            size += len(data)
            hit = {owner[piece] for piece in _within(data, owner)}
            found |= hit
            if any(people[number]["erased"] for number in hit):
                where.add(path.name)
    return {
        "erased_found": sum(people[number]["erased"] for number in found),
        "kept_found": sum(not people[number]["erased"] for number in found),
        "where": sorted(where)[:20],
        "bytes": size,
    }


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces that overlap."""
    try:
        with path.open("rb") as file:
            before = b""
            while data := file.read(_READ_BYTES):
                yield before + data
                before = data[-4096:]
    except OSError:
        return


@lru_cache(maxsize=1)
def _known(wanted: tuple[bytes, ...]) -> npt.NDArray[np.bool_]:
    """Which heads may be those of wanted pieces, by a multiplicative hash of them."""
    table = np.zeros(1 << _TABLE_BITS, np.bool_)
    heads = np.array([int.from_bytes(one[:_HEAD], sys.byteorder) for one in wanted], np.uint64)
    table[(heads * _KNUTH) >> _SHIFT] = True
    return table


def _within(data: bytes, wanted: dict[bytes, int]) -> Iterator[bytes]:
    """Which of ``wanted``, all of one length, lie anywhere in ``data``."""
    known = _known(tuple(wanted))
    length = len(next(iter(wanted)))
    for shift in range(_HEAD):
        count = (len(data) - shift) // _HEAD
        if count <= 0:
            return
        words: npt.NDArray[np.uint64] = np.frombuffer(data, np.uint64, count, shift)
        for at in np.flatnonzero(known[(words * _KNUTH) >> _SHIFT]):
            begin = shift + int(at) * _HEAD
            piece = data[begin : begin + length]
            if piece in wanted:
                yield piece


def main() -> int:
    """Searches, and says what was found."""
    django.setup()
    from retrieval.services.scrubbing import maintainer

    given = json.loads(sys.stdin.read())
    with maintainer() as conn:
        conn.execute("CHECKPOINT")
    told = {"vectors": vectors_found(given["people"])}
    if given["tokens"]:
        told["tokens"] = tokens_found(given["people"])
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
