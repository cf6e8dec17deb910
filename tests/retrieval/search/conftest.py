from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache

from audit import actors
from audit.keystore import default_keystore
from deploy.paths import Paths
from retrieval import clients, scope
from retrieval.calibration import Asked
from retrieval.models import Asset, Calibration, ModelVersion, Segment, Space, VectorTable
from retrieval.services.search import SearchAnswer, SearchRequest, certainty, search_run
from retrieval.vectors import VectorRow, backend, ddl
from retrieval.vectors.shards import SHARED_SHARDS
from tests.factories import grant, make_asset, make_collection, make_user
from tests.fakes import FakeModels, FakeRedaction

DIMENSION = 8
TABLE = ddl.table_name("fake@1")
MODALITIES = ("image", "audio", "text")
THRESHOLD = 0.5


class CosineIsCertainty:
    """A calibration that can be foretold: P(relevant) is the cosine itself, a match from 0.5 on."""

    threshold = THRESHOLD

    @classmethod
    def from_json(cls, parameters: dict[str, Any]) -> CosineIsCertainty:
        assert parameters == {"fake": True}
        return cls()

    def probability(self, similarities: np.ndarray, asked: Asked) -> np.ndarray:
        assert asked.bank.shape == (4,)
        return np.clip(similarities, 0, 1)

    def least(self, asked: Asked) -> float:
        return self.threshold


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    settings.PATHS = Paths(tmp_path)
    for memory in (default_keystore.cache_clear, actors._known.clear, cache.clear):
        memory()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def fake_table(django_db_setup, django_db_blocker):
    """Made by the owner before the test's transaction begins, once a session."""
    with django_db_blocker.unblock():
        ddl.create_table(table=TABLE, dimension=DIMENSION)


@pytest.fixture
def fake_calibration(monkeypatch):
    banks = {modality: np.zeros((4, DIMENSION), np.float32) for modality in MODALITIES}
    monkeypatch.setattr("retrieval.selectors.models.PairCalibration", CosineIsCertainty)
    monkeypatch.setattr(certainty, "load_reference", lambda _: banks)
    monkeypatch.setattr("retrieval.selectors.models.bundle_folder", lambda ref, **_: Path(ref))
    certainty._banks.cache_clear()
    yield
    certainty._banks.cache_clear()


def catalogue(ref: str = "fake@1", *, space: str = "fake", table: str = TABLE) -> ModelVersion:
    """An active model version with its table and every pair calibrated."""
    name, version = ref.split("@")
    model = ModelVersion.objects.create(
        name=name,
        version=version,
        space=Space.objects.create(name=space, dimension=DIMENSION),
        status=ModelVersion.Status.ACTIVE,
        modalities=list(MODALITIES),
        manifest={"towers": {key: {} for key in MODALITIES}},
    )
    VectorTable.objects.create(
        model_version=model, table=table, dimension=DIMENSION, shards=SHARED_SHARDS
    )
    Calibration.objects.bulk_create(
        Calibration(
            model_version=model,
            query_modality=query,
            target_modality=target,
            parameters={"fake": True},
        )
        for query in MODALITIES
        for target in MODALITIES
    )
    return model


class World:
    """A model, its servers, and what was put into the collections."""

    def __init__(self) -> None:
        self.models = FakeModels(dimension=DIMENSION)
        self.redaction = FakeRedaction()

    def vector(self, words: str, *, near: float = 1.0) -> np.ndarray:
        """The unit vector whose cosine with the query ``words`` is ``near``."""
        query = self.models.vector(words.encode())
        other = self.models.vector(b"something else entirely")
        other -= (other @ query) * query
        other /= np.linalg.norm(other)
        return (near * query + np.sqrt(1 - near**2) * other).astype(np.float32)

    def put(
        self, collection: Any, *places: np.ndarray, modality: str = "image", **fields: Any
    ) -> Asset:
        """A searchable asset with a segment at each of these vectors."""
        asset = make_asset(collection, modality=modality, **fields)
        kind = {"image": "whole", "audio": "time", "text": "chunk"}[modality]
        with scope.system():
            segments = Segment.objects.bulk_create(
                Segment(
                    asset=asset,
                    collection=collection,
                    modality=modality,
                    kind=kind,
                    ordinal=number,
                    text=f"line {number}" if modality == "text" else "",
                    start_ms=5000 * number if modality == "audio" else None,
                    end_ms=5000 * number + 10_000 if modality == "audio" else None,
                )
                for number, _ in enumerate(places)
            )
            backend().upsert(
                table=TABLE,
                rows=[
                    VectorRow(
                        segment_id=segment.pk,
                        asset_id=asset.pk,
                        collection_id=collection.pk,
                        modality=modality,
                        vector=place,
                    )
                    for segment, place in zip(segments, places, strict=True)
                ],
            )
        return asset

    def ask(self, user: Any, text: str | None = "bear", **request: Any) -> SearchAnswer:
        return search_run(user=user, request=SearchRequest(text=text, **request))


def found(answer: SearchAnswer) -> list[Any]:
    """Ids of the assets in the answer, best first."""
    return [hit.asset.id for hit in answer.hits]


@pytest.fixture
def world(db, fake_table, fake_calibration):
    made = World()
    catalogue()
    with clients.override(models=made.models, redaction=made.redaction):
        yield made


class Holdings:
    """Two tenants: ``reader`` reads ``mine``; ``hidden`` holds better answers for nobody."""

    def __init__(self, world: World) -> None:
        self.mine, self.hidden = make_collection("mine"), make_collection("hidden")
        self.reader, self.outsider = make_user("reader"), make_user("outsider")
        grant(self.mine, self.reader)
        near = world.vector
        self.picture = world.put(self.mine, near("bear", near=0.9), title="A bear")
        self.sound = world.put(self.mine, near("bear", near=0.8), modality="audio")
        self.text = world.put(self.mine, near("bear", near=0.7), modality="text")
        self.far = world.put(self.mine, near("bear", near=0.1))
        self.secret = [world.put(self.hidden, near("bear")) for _ in range(6)]

    @property
    def visible(self) -> list[Any]:
        """What a search for "bear" shows the reader, in order."""
        return [self.picture.id, self.sound.id, self.text.id]


@pytest.fixture
def holdings(world):
    return Holdings(world)


def nothing_hidden(answer: SearchAnswer, holdings: Holdings) -> bool:
    """Whether nothing of the hidden collection shows anywhere in the answer."""
    body = str(answer.as_json())
    ids = [str(asset.id) for asset in holdings.secret] + [str(holdings.hidden.id)]
    return not any(one in body for one in ids)
