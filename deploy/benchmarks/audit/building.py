"""A ledger of any length, built by the functions that the application calls; its checkpoints."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psycopg

_BATCH = 10_000  # as many as come between two checkpoints by default
# One in five an upload, the rest searches, a third of them with a payload: sizes as on a real one.
_RECORD = """
SELECT count(audit_record(
    gen_random_uuid(),
    CASE WHEN i %% 5 = 0 THEN 'ingest:asset:upload' ELSE 'search:query:run' END,
    jsonb_build_object('search', gen_random_uuid()::text, 'collection',
                       jsonb_build_array(gen_random_uuid()::text, gen_random_uuid()::text)),
    CASE WHEN i %% 3 = 0
         THEN '{"confident":true,"hits":10,"modalities":["image","text"],"total_ms":41}'
         ELSE '' END))
FROM generate_series(1, %s) AS i
"""


@dataclass(frozen=True)
class Built:
    """Seconds that each took, in all."""

    entries: int
    record_seconds: float
    chain_seconds: float
    checkpoint_seconds: float
    checkpoints: int


def build(url: str, entries: int) -> Built:
    """Adds ``entries`` by ``audit_record`` and ``audit_chain``, with a checkpoint every 10,000.

    In a process with Django's settings, logged in as the application.
    """
    from audit.checkpoints import checkpoint_now

    spent = [0.0, 0.0, 0.0]
    made = checkpoints = 0
    with psycopg.connect(url, autocommit=True) as conn:
        while made < entries:
            number = min(_BATCH, entries - made)
            steps: tuple[Callable[[], object], ...] = (
                partial(conn.execute, _RECORD, [number]),
                partial(conn.execute, "SELECT audit_chain(%s)", [_BATCH]),
                checkpoint_now,
            )
            for place, step in enumerate(steps):
                began = time.monotonic()
                step()
                spent[place] += time.monotonic() - began
            made += number
            checkpoints += 1
            if made % 100_000 == 0:
                sys.stderr.write(f"{made:,} entries\n")
    return Built(made, spent[0], spent[1], spent[2], checkpoints)
