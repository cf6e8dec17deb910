"""People with two assets each, of which every store holds something; every second one is erased.

A process of the benchmark's database. It says what it planted: tokens and pieces of vectors.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import string
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import django
import numpy as np

_ALPHABET = string.ascii_lowercase + string.digits
_CHARS = 26
_DIMENSION = 384
_TOGETHER = 50  # people a transaction
_PLACES = (0, 150, 330)  # where in a vector pieces are taken from
_PIECE = 16  # numbers of two bytes


@dataclass
class Planted:
    """What is looked for of one person: tokens by where they were put, and pieces of vectors."""

    erased: bool
    subject: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    vectors: list[str] = field(default_factory=list)

    def token(self, where: str) -> str:
        """A new one for a place."""
        self.tokens[where] = "canary" + "".join(secrets.choice(_ALPHABET) for _ in range(_CHARS))
        return self.tokens[where]


def fill(subjects: int) -> list[Planted]:
    """Twice as many people, erased and kept in turn, so that their rows lie interleaved."""
    from accounts.services.users import user_create
    from retrieval import scope
    from retrieval.models import Collection

    for name in ("first", "second"):
        user_create(
            by=None, username=name, organisation_roles=["governor"], must_change_password=False
        )
    with scope.system():
        collection = Collection.objects.create(name="People")
    people = [Planted(erased=number % 2 == 0) for number in range(2 * subjects)]
    for first in range(0, len(people), _TOGETHER):
        later = Later()
        with scope.system():
            for number, person in enumerate(people[first : first + _TOGETHER], first):
                _person(person, collection, number, later)
            later.store()
    return people


class Later:
    """Rows that nobody asks for meanwhile; stored a table at a time, in order."""

    def __init__(self) -> None:
        self._rows: dict[type[Any], list[Any]] = {}

    def add(self, row: Any) -> Any:
        """The row itself, to be stored."""
        self._rows.setdefault(type(row), []).append(row)
        return row

    def store(self) -> None:
        """All of them."""
        for model, rows in self._rows.items():
            model.objects.bulk_create(rows)


def _person(person: Planted, collection: Any, number: int, later: Later) -> None:
    """In one transaction: a subject, a consent, and two assets in every store."""
    from audit.subject_models import ConsentRecord
    from audit.subjects import subject_create
    from retrieval import scope
    from retrieval.subject_models import AssetSubject

    identifier = f"{person.token('identifier')}@example.org"
    with scope.system():
        subject = subject_create(by=None, identifier=identifier).subject
        person.subject = str(subject.id)
        ConsentRecord.objects.create(
            subject=subject.id,
            series=uuid4(),
            purposes=["search"],
            legal_basis="consent",
            notice_ref=person.token("consent"),
            given_tick=1,
        )
        for modality in ("text", "image"):
            asset = _asset(person, collection, modality, identifier, number, later)
            later.add(AssetSubject(asset=asset, subject=subject.id, via="api"))


def _asset(
    person: Planted, collection: Any, modality: str, identifier: str, number: int, later: Later
) -> Any:
    from audit.blind import blind_key, blind_replace
    from audit.blind_digest import digest
    from retrieval import media
    from retrieval.models import Asset, ProvenanceStep, Segment
    from retrieval.services.indexing import words_index

    def new(where: str) -> str:
        return person.token(f"{modality} {where}")

    asset = Asset.objects.create(
        collection=collection,
        state="searchable",
        digest=secrets.token_bytes(32),
        modality=modality,
        title=f"of {new('title')}",
        source=new("source"),
        metadata={"by": new("metadata")},
        size_bytes=1,
    )
    content = new("content").encode()
    for kind in media.Blob:
        media.write_blob(kind, asset.id, content).publish()
    media.write_blob(media.Blob.RENDITION, asset.id, b"unfinished")
    segment = Segment.objects.create(
        asset=asset,
        collection=collection,
        modality=modality,
        kind="chunk",
        ordinal=0,
        text=f"What was written {'in the picture ' if modality == 'image' else ''}{new('text')}.",
    )
    _vector(person, asset, segment)
    words_index(asset_id=asset.id)
    later.add(ProvenanceStep(asset=asset, step="decode", component="bench"))
    key = blind_key(asset_id=asset.id, received_at=asset.created_at)
    rows = [("email", digest(key, form="email", value=identifier))]
    blind_replace(asset_id=asset.id, received_at=asset.created_at, entries=rows)
    _said(person, asset, segment, modality, number, later)
    return asset


def _vector(person: Planted, asset: Any, segment: Any) -> None:
    from retrieval.vectors import VectorRow, backend, tables

    vector = np.random.default_rng().standard_normal(_DIMENSION).astype(np.float32)
    vector /= np.linalg.norm(vector)
    stored = vector.astype(np.float16)
    person.vectors += [stored[at : at + _PIECE].tobytes().hex() for at in _PLACES]
    row = VectorRow(
        segment_id=segment.pk,
        asset_id=asset.id,
        collection_id=asset.collection_id,
        modality=asset.modality,
        vector=vector,
    )
    for table in tables():
        backend().upsert(table=table, rows=[row])


def _said(
    person: Planted, asset: Any, segment: Any, modality: str, number: int, later: Later
) -> None:
    """What people did with it: reviews, votes, labels, measurements, searches, answers."""
    from django.core.cache import cache

    from accounts.models import User
    from retrieval.evaluation_models import EvaluationCase
    from retrieval.feedback_models import Feedback, LabelledQuery
    from retrieval.idempotency_models import IdempotencyKey
    from retrieval.models import EvaluationRun
    from retrieval.review_models import RedactionReport, Review

    user = User.objects.get(username="first")
    later.add(RedactionReport(asset=asset, collection=asset.collection))
    later.add(
        Review(
            asset=asset,
            collection=asset.collection,
            kind="low-confidence",
            state="accepted",
            decision_reason=person.token(f"{modality} review"),
        )
    )
    vote = later.add(
        Feedback(
            user=user,
            search_id=uuid4(),
            rank=1,
            relevant=True,
            asked=secrets.token_bytes(32),
            query_modality="text",
            collection=asset.collection,
            asset=asset,
            segment_id=segment.pk,
        )
    )
    later.add(
        LabelledQuery(
            collection=asset.collection,
            asset=asset,
            words=secrets.token_bytes(40),
            digest=secrets.token_bytes(32),
            feedback=vote,
        )
    )
    run = EvaluationRun.objects.filter(dataset="bench").first() or EvaluationRun.objects.create(
        model="bench", dataset="bench", collection=asset.collection, own_data=True, result={}
    )
    later.add(
        EvaluationCase(
            run=run,
            collection=asset.collection,
            kind="worst",
            pair=modality,
            position=number + 1,
            body={},
            assets=[asset.id],
        )
    )
    later.add(
        IdempotencyKey(
            user=user,
            route="bench",
            key=str(asset.id),
            fingerprint=b"",
            status=202,
            body={"id": str(asset.id), "title": person.token(f"{modality} answer")},
        )
    )
    cache.set(f"ingest:queued:{asset.id}", 1)
    _searched(asset, segment, user, later)


def _searched(asset: Any, segment: Any, user: Any, later: Later) -> None:
    """A search that found it, and one that asked by it and is still kept."""
    from audit.models import Influence
    from audit.searches import record_search
    from retrieval import framing

    given: dict[str, Any] = {
        "user_id": user.pk,
        "user_label": "first",
        "query_modality": asset.modality,
        "query_redactions": [],
        "collections": [asset.collection_id],
        "modalities": [asset.modality],
        "models_used": [],
        "parameters": {},
        "confident": True,
        "influences": [],
    }
    asked: dict[str, object] = {
        "query": {"asset": str(asset.id)},
        "components": ["asset"],
        "vectors": {},
        "parts": {},
        "filters": {"source": "", "metadata": {}},
        "carried": {},
        "held": {},
    }
    kept = framing.pack_arrays(asked, [])
    record = record_search(query=b"asked", kept=kept, keep_query_for=timedelta(days=1), **given)
    later.add(
        Influence(
            record=record,
            rank=1,
            asset_id=asset.id,
            collection_id=asset.collection_id,
            segment_id=segment.pk,
            confidence=0.9,
            verdict="match",
            signals=[{"similarity": 0.5}],
        )
    )


def main(argv: list[str]) -> int:
    """Plants, and says what."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subjects", type=int, required=True)
    options = parser.parse_args(argv)
    django.setup()
    # Nothing here has to outlive a power cut: most of the time would go into waiting for the disk.
    setattr(os, "fsync", lambda _: None)  # noqa: B010 - mypy minds a plain assignment
    people = fill(options.subjects)
    sys.stdout.write(json.dumps([vars(person) for person in people]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
