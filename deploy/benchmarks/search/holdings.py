"""What the benchmarks search in, made in a process of the database's own: people, assets, vectors.

Every id follows from a number, so that two databases filled alike hold the very same rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import django
import numpy as np

from deploy.benchmarks.search.asked import vector_of

_DIMENSION = 384
_MODALITIES = ("text", "image", "audio")
_NEAR = 0.25  # how much noise stands between a row and the words it is near to
_BATCH = 2000


def id_of(*names: object) -> UUID:
    """An id that follows from names."""
    return UUID(bytes=hashlib.sha256(repr(names).encode()).digest()[:16])


def reader_make(
    name: str, *, collections: int, assets: int, worded: int, near: Sequence[str] = ()
) -> str:
    """The token of somebody who reads as many collections, with as many assets in all of them.

    Rows lie near the vectors of ``near`` in turn, or anywhere; a third of each modality. The first
    ``worded`` are found by literal words as well.
    """
    from accounts.services.tokens import token_create
    from accounts.services.users import user_create
    from retrieval import scope
    from retrieval.models import Collection, Grant
    from retrieval.services.indexing import words_index

    user = user_create(by=None, username=name, must_change_password=False).user
    with scope.system():
        made = Collection.objects.bulk_create(
            Collection(id=id_of(name, "collection", n), name=f"{name} {n}")
            for n in range(collections)
        )
        Grant.objects.bulk_create(Grant(collection=c, user=user, role="searcher") for c in made)
    for first in range(0, assets, _BATCH):
        numbers = range(first, min(first + _BATCH, assets))
        _assets_make(name, [made[n % collections].pk for n in numbers], numbers, near)
    with scope.system():
        for number in range(min(worded, assets)):
            words_index(asset_id=id_of(name, "asset", number))
    return str(token_create(user=user).token)


def _assets_make(name: str, owners: list[UUID], numbers: range, near: Sequence[str]) -> None:
    from retrieval import scope
    from retrieval.models import Asset, Segment
    from retrieval.vectors import VectorRow, backend, tables

    dice = np.random.default_rng(int(id_of(name, numbers.start)) % 2**63)
    noise = dice.normal(size=(len(numbers), _DIMENSION)) / np.sqrt(_DIMENSION)
    for row, number in enumerate(numbers):
        if near:
            noise[row] = _NEAR * noise[row] + vector_of(near[number % len(near)], _DIMENSION)
    vectors = (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)
    with scope.system():
        assets = Asset.objects.bulk_create(
            Asset(
                id=id_of(name, "asset", number),
                collection_id=owner,
                state="searchable",
                digest=hashlib.sha256(f"{name} {number}".encode()).digest(),
                modality=_MODALITIES[number % len(_MODALITIES)],
                title=f"{near[number % len(near)] if near else 'Something'} {number}",
                size_bytes=1,
            )
            for owner, number in zip(owners, numbers, strict=True)
        )
        segments = Segment.objects.bulk_create(
            Segment(
                asset=asset,
                collection_id=asset.collection_id,
                modality=asset.modality,
                kind="chunk" if asset.modality == "text" else "whole",
                ordinal=0,
                text=f"A line about {asset.title}." if asset.modality == "text" else "",
            )
            for asset in assets
        )
        rows = [
            VectorRow(
                segment_id=segment.pk,
                asset_id=segment.asset_id,
                collection_id=segment.collection_id,
                modality=segment.modality,
                vector=vector,
            )
            for segment, vector in zip(segments, vectors, strict=True)
        ]
        for table in tables():
            backend().upsert(table=table, rows=rows)


def space_add() -> None:
    """A second space beside the starter's, of the same files and as many dimensions."""
    import shutil

    from django.conf import settings

    from retrieval.encoders.bundle import bundle_folder
    from retrieval.models import Calibration, ModelVersion, Space, VectorTable
    from retrieval.vectors import ddl
    from retrieval.vectors.shards import SHARED_SHARDS

    first = ModelVersion.objects.get(status="active")
    models = settings.PATHS.models
    there = bundle_folder(first.ref, models_dir=models)
    shutil.copytree(there, models / f"second@{first.version}")
    table = ddl.table_name(f"second@{first.version}")
    ddl.create_table(table=table, dimension=_DIMENSION)
    second = ModelVersion.objects.create(
        name="second",
        version=first.version,
        space=Space.objects.create(name="second", dimension=_DIMENSION),
        status="active",
        modalities=first.modalities,
        manifest=first.manifest,
        manifest_sha256=first.manifest_sha256,
    )
    VectorTable.objects.create(
        model_version=second, table=table, dimension=_DIMENSION, shards=SHARED_SHARDS
    )
    for one in Calibration.objects.filter(model_version=first):
        one.pk, one.model_version = None, second
        one.save(force_insert=True)


def main(argv: list[str]) -> int:
    """Makes what is asked for and says the tokens, by the readers' names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--second-space", action="store_true")
    parser.add_argument("--reader", nargs=3, action="append", default=[])
    parser.add_argument("--near", action="append", default=[])
    parser.add_argument("--worded", type=int, default=0)
    options = parser.parse_args(argv)
    django.setup()
    if options.second_space:
        space_add()
    tokens: dict[str, Any] = {
        name: reader_make(
            name,
            collections=int(held),
            assets=int(assets),
            worded=options.worded,
            near=options.near,
        )
        for name, held, assets in options.reader
    }
    sys.stdout.write(json.dumps(tokens) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
