"""Two versions of one space whose quality is known, and data that show it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from safetensors.numpy import save_file

from retrieval import clients
from retrieval.calibration import PairCalibration
from retrieval.encoders.base import unit_rows
from retrieval.encoders.client import ModelUnavailable
from retrieval.models import Calibration, ModelVersion, Space, VectorTable
from retrieval.services import reembed
from retrieval.vectors import ddl
from tests.cast import Cast, cast
from tests.fakes import FakeRedaction
from tests.retrieval.ingest.conftest import paths

__all__ = ["paths"]

DIMENSION = 16
THINGS = 80
TABLES = ("vectors_promotion_1", "vectors_promotion_2", "vectors_promotion_3")
SHARP = PairCalibration.from_json(
    {
        "version": 1,
        "weights": {"z": 0.0, "similarity": 30.0, "peak": 0.0},
        "bias": -21.0,
        "threshold": 0.5,
    }
)


def thing(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=DIMENSION)


def picture(number: int) -> bytes:
    """What the fakes take for a picture of thing ``number``."""
    return b"IMG%09d" % number


class KnowingModels:
    """Each model ref knows the things with some noise of its own: ``noise[ref]``; 0 is perfect."""

    def __init__(self) -> None:
        self.noise = {"fake@1": 0.3, "fake@2": 0.3, "other@1": 0.3}
        self.down = False
        self.asked: list[tuple[str, str]] = []

    def encode_text(
        self, model: str, texts: Sequence[str], *, priority: str = "query"
    ) -> np.ndarray:
        self._begin(model, "text")
        return self._rows(model, [text.encode() for text in texts])

    def encode_arrays(
        self, model: str, modality: str, arrays: Sequence[np.ndarray], *, priority: str = "ingest"
    ) -> np.ndarray:
        self._begin(model, modality)
        return self._rows(model, [array.tobytes() for array in arrays])

    def health(self, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        return {"status": "ok", "memory": {"resident": 50 * 1024 * 1024}}

    def _begin(self, model: str, modality: str) -> None:
        self.asked.append((model, modality))
        if self.down:
            raise ModelUnavailable("not-reachable")

    def _rows(self, model: str, items: list[bytes]) -> np.ndarray:
        return unit_rows(np.stack([self._one(model, item) for item in items]))

    def _one(self, model: str, item: bytes) -> np.ndarray:
        digits = bytes(byte for byte in item if byte in b"0123456789")
        seed = int.from_bytes(hashlib.sha256(model.encode() + item).digest()[:8], "big")
        noise = np.random.default_rng(seed).normal(size=DIMENSION)
        known = thing(int(digits)) if digits and len(item) < 100 else np.zeros(DIMENSION)
        return known + self.noise[model] * noise if known.any() else noise


@pytest.fixture
def models() -> KnowingModels:
    return KnowingModels()


@pytest.fixture
def servers(models, db):
    cache.clear()
    with clients.override(redaction=FakeRedaction(), models=models):
        yield models


@pytest.fixture
def tables(django_db_setup, django_db_blocker) -> Sequence[str]:
    with django_db_blocker.unblock():
        for table in TABLES:
            ddl.create_table(table=table, dimension=DIMENSION)
    return TABLES


Install = Callable[..., ModelVersion]


@pytest.fixture
def install(servers, tables, paths) -> Install:
    """Catalogues a version with a bank and, unless told otherwise, calibrations; no files."""
    left = list(tables)

    def do(
        ref: str, *, active: bool = False, space: str = "fake", towers=("text", "image"), fit=True
    ) -> ModelVersion:
        name, _, number = ref.partition("@")
        folder = paths.models / ref
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        bank = servers._rows(ref, [picture(1000 + n) for n in range(60)])
        if fit:
            save_file(dict.fromkeys(towers, bank), str(folder / "reference.safetensors"))
        version = ModelVersion.objects.create(
            name=name,
            version=number,
            space=Space.objects.get_or_create(name=space, defaults={"dimension": DIMENSION})[0],
            status="active" if active else "installed",
            modalities=sorted(towers),
            manifest={
                "name": name,
                "version": number,
                "towers": {m: {"input": {}} for m in towers},
            },
            manifest_sha256=hashlib.sha256(ref.encode()).hexdigest(),
        )
        VectorTable.objects.create(
            model_version=version, table=left.pop(0), dimension=DIMENSION, shards=1
        )
        for target in towers if fit else ():
            Calibration.objects.create(
                model_version=version,
                query_modality="text",
                target_modality=target,
                parameters=SHARP.to_json(),
            )
            if target != "text":
                Calibration.objects.create(
                    model_version=version,
                    query_modality=target,
                    target_modality="text",
                    parameters=SHARP.to_json(),
                )
        return version

    return do


@pytest.fixture
def present(install) -> ModelVersion:
    return install("fake@1", active=True)


@pytest.fixture
def candidate(present, install) -> ModelVersion:
    return install("fake@2")


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    """A dataset of pictures of things, each with one caption."""
    folder = tmp_path / "things"
    (folder / "images").mkdir(parents=True)
    lines = ["file\tcaption"]
    for number in range(THINGS):
        (folder / "images" / f"{number}.png").write_bytes(picture(number))
        lines.append(f"{number}.png\tthing {number}")
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def people(paths, db, settings) -> Cast:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    return cast()


@pytest.fixture
def embedded(sent) -> Callable[[str], None]:
    """Begins the re-embedding of a version, of which nothing is left to do."""

    def do(ref: str) -> None:
        reembed.reembed_start(ref=ref, by=None)

    return do
