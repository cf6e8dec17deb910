"""A database of the benchmark's own, as the product sets it up, with a million vectors in it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql

from deploy.benchmarks.search.vectors_data import DEDICATED, Corpus
from deploy.embedded.__main__ import running
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.paths import ROOT, Paths

MODALITY = "image"
_BLOCK = 20_000
_COLUMNS = "shard, segment_id, asset_id, collection_id, modality, searchable, vec"


@contextmanager
def own_database(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a database server in ``folder``, migrated; it stops on leaving."""
    with running(Paths(folder)) as environment:
        owner = {**os.environ, **environment, "VITRINE_DB_ROLE": "owner"}
        for command in (["migrate", "--verbosity", "0"], ["setup_roles"]):
            subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=owner, check=True)
        yield environment


def superuser(folder: Path) -> psycopg.Connection[Any]:
    """A connection past every policy, for loading."""
    url = EmbeddedPostgres(Paths(folder)).url(user="postgres", database="vitrine")
    return psycopg.connect(url, autocommit=True)


def collection_ids(count: int) -> list[UUID]:
    """The ids of the collections, by number."""
    return [UUID(bytes=hashlib.sha256(b"collection %d" % n).digest()[:16]) for n in range(count)]


def asset_id(number: int) -> UUID:
    """The asset of a row, by the row's number."""
    return UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128))


def rows_copy(
    conn: psycopg.Connection[Any],
    *,
    table: str,
    corpus: Corpus,
    ids: list[UUID],
    shards: list[int],
    numbers: npt.NDArray[np.int64],
) -> float:
    """Seconds that a binary COPY of these rows of ``corpus`` took. ``shards`` by collection."""
    started = time.monotonic()
    statement = sql.SQL("COPY {} (" + _COLUMNS + ") FROM STDIN (FORMAT binary)")
    with conn.cursor() as cursor, cursor.copy(statement.format(sql.Identifier(table))) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        for first in range(0, len(numbers), _BLOCK):
            copy.write(_block(corpus, ids, shards, numbers[first : first + _BLOCK]))
        copy.write(b"\xff\xff")
    return time.monotonic() - started


def _block(
    corpus: Corpus, ids: list[UUID], shards: list[int], numbers: npt.NDArray[np.int64]
) -> bytes:
    """Rows as COPY's binary format has them: a count, then each field with its length."""
    dimension = corpus.vectors.shape[1]
    fields: list[Any] = [("n", ">i2")]
    for name, kind in (
        ("shard", ">i2"), ("segment", ">i8"), ("asset", "V16"), ("collection", "V16"),
        ("modality", f"S{len(MODALITY)}"), ("searchable", "i1"),
    ):  # fmt: skip
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    # halfvec's own binary form: dimensions and a reserved number, int16 each, then the numbers.
    fields += [("vec_length", ">i4"), ("dim", ">i2"), ("unused", ">i2")]
    fields.append(("vec", (">f2", (dimension,))))
    made = np.zeros(len(numbers), dtype=np.dtype(fields))
    of = corpus.collection[numbers]
    made["n"] = 7
    made["shard_length"], made["shard"] = 2, np.asarray(shards, np.int16)[of]
    made["segment_length"], made["segment"] = 8, numbers + 1
    made["asset_length"] = made["collection_length"] = 16
    made["asset"] = np.frombuffer(b"".join(asset_id(int(n)).bytes for n in numbers), "V16")
    made["collection"] = np.frombuffer(b"".join(one.bytes for one in ids), "V16")[of]
    made["modality_length"], made["modality"] = len(MODALITY), MODALITY.encode()
    made["searchable_length"], made["searchable"] = 1, 1
    made["vec_length"], made["dim"] = 4 + 2 * dimension, dimension
    made["vec"] = corpus.vectors[numbers]
    return made.tobytes()


@dataclass(frozen=True)
class Kept:
    """What building took, kept beside the database."""

    seconds: dict[str, float]

    @classmethod
    def read(cls, path: Path) -> Kept | None:
        """None where nothing was built yet."""
        try:
            return cls(seconds=json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write(self, path: Path) -> None:
        """Keep it."""
        path.write_text(json.dumps(self.seconds, indent=1), encoding="utf-8")


def own_shards(count: int) -> list[int]:
    """The shard of each collection: its own for the dedicated ones, the shared one for others."""
    from retrieval.vectors.shards import FIRST_OWN_SHARD

    dedicated = [FIRST_OWN_SHARD + n for n in range(len(DEDICATED))]
    return dedicated + [0] * (count - len(dedicated))
