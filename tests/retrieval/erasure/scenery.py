"""People, links, and an asset of which every store holds something."""

from __future__ import annotations

import uuid
from datetime import timedelta

import numpy as np
from django.core.cache import cache

from audit.blind import blind_key, blind_replace
from audit.blind_digest import digest
from audit.models import Influence, SearchRecord
from audit.searches import record_search
from audit.subjects import subject_create
from retrieval import framing, media, scope
from retrieval.evaluation_models import EvaluationCase
from retrieval.feedback_models import Feedback, LabelledQuery
from retrieval.idempotency_models import IdempotencyKey
from retrieval.models import EvaluationRun, ProvenanceStep, ReembedJob, Segment
from retrieval.services.indexing import words_index
from retrieval.subject_models import AssetSubject
from retrieval.vectors import VectorRow, backend
from tests.factories import make_model, make_review

IDENTIFIER = "anna.berg@example.org"


def make_subject(identifier=IDENTIFIER):
    with scope.system():
        return subject_create(by=None, identifier=identifier).subject


def link(asset, subject, **fields):
    with scope.system():
        AssetSubject.objects.create(asset=asset, subject=subject.id, via="api", **fields)
    return asset


def held_identifier(asset, identifier=IDENTIFIER):
    """As ingestion leaves it where an identifier was taken out."""
    with scope.system():
        key = blind_key(asset_id=asset.id, received_at=asset.created_at)
        rows = [("email", digest(key, form="email", value=identifier))]
        blind_replace(asset_id=asset.id, received_at=asset.created_at, entries=rows)
    return asset


def fill(asset, table, user):
    """Puts something of the asset into every store that there is."""
    for kind in (media.Blob.REVIEW, media.Blob.REVIEW_THUMBNAIL):
        media.write_blob(kind, asset.pk, b"looked at").publish()
    media.write_blob(media.Blob.RENDITION, asset.pk, b"half")
    cache.set(f"ingest:queued:{asset.pk}", 1)
    make_review(asset)
    with scope.system():
        collection = asset.collection
        segments = list(Segment.objects.filter(asset=asset))
        vector = np.full(8, 8**-0.5, np.float32)
        backend().upsert(
            table=table,
            rows=[
                VectorRow(
                    segment_id=one.pk,
                    asset_id=asset.pk,
                    collection_id=collection.pk,
                    modality="text",
                    vector=vector,
                )
                for one in segments
            ],
        )
        words_index(asset_id=asset.pk)
        ProvenanceStep.objects.create(asset=asset, step="decode", component="plain")
        hit = {
            "user": user, "search_id": uuid.uuid4(), "rank": 1, "relevant": True,
            "asked": b"a" * 32, "query_modality": "text", "collection": collection,
            "asset": asset, "segment_id": segments[0].pk,
        }  # fmt: skip
        LabelledQuery.objects.create(
            collection=collection, asset=asset, words=b"sealed", digest=b"d" * 32,
            feedback=Feedback.objects.create(**hit),
        )  # fmt: skip
        run = EvaluationRun.objects.create(
            model="fake@1", dataset="own", collection=collection, own_data=True, result={}
        )
        EvaluationCase.objects.create(
            run=run, collection=collection, kind="worst", pair="text-text", position=1,
            body={}, assets=[asset.pk],
        )  # fmt: skip
        version = make_model(table=f"{table}_2", name="other")
        ReembedJob.objects.create(
            model_version=version,
            problems=[{"asset": str(asset.pk), "code": "x"}, {"asset": "other", "code": "y"}],
        )
        _searched(asset, segments[0], user)
        IdempotencyKey.objects.create(
            user=user, route="r", key="k", fingerprint=b"", status=202,
            body={"hits": [{"asset": {"id": str(asset.pk), "title": asset.title}}]},
        )  # fmt: skip
    return asset


def _searched(asset, segment, user):
    """A search that found it, and one that asked by it and is still kept."""
    given = {
        "user_id": user.pk, "user_label": "u", "query_modality": "text", "query_redactions": [],
        "collections": [asset.collection_id], "modalities": ["text"], "models_used": [],
        "parameters": {}, "confident": True, "influences": [],
    }  # fmt: skip
    kept = framing.pack_arrays(
        {
            "query": {"asset": str(asset.pk)}, "components": ["asset"], "vectors": {}, "parts": {},
            "filters": {"source": "", "metadata": {}}, "carried": {}, "held": {},
        },
        [],
    )  # fmt: skip
    record_search(query=b"q", kept=kept, keep_query_for=timedelta(days=1), **given)
    record = record_search(query=b"bear", **given)
    Influence.objects.create(
        record=SearchRecord.objects.get(pk=record.pk), rank=1, asset_id=asset.pk,
        collection_id=asset.collection_id, segment_id=segment.pk, confidence=0.9, verdict="match",
        signals=[{"similarity": 0.5}], redactions=["PERSON"],
    )  # fmt: skip
