"""The figures, on encoders whose answers are known beforehand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from retrieval.encoders.base import Vectors, image_checked, text_checked, unit_rows
from retrieval.encoders.bundle import Manifest, TowerSpec
from retrieval.encoders.registry import LoadedBundle
from retrieval.evaluation.datasets import DatasetError, dataset_open
from retrieval.evaluation.run import evaluate
from tests.retrieval.encoders.conformance import EncoderConformance

COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}


class FakeText:
    modality, dimension = "text", 3

    def encode(self, items: Sequence[Any]) -> Vectors:
        rows = [[float(colour in text_checked(i)) for colour in COLOURS] for i in items]
        known = np.array(rows, dtype=np.float32).reshape(-1, 3)
        # What names no colour lies in a direction of its own, and no two are quite alike.
        length = np.array([len(str(i)) for i in items], dtype=np.float32)[:, None]
        return unit_rows(known - 0.3 + 0.001 * length) if len(items) else known


class FakeImage:
    modality, dimension = "image", 3

    def encode(self, items: Sequence[Any]) -> Vectors:
        rows = [image_checked(i).reshape(-1, 3).mean(0) for i in items]
        return (
            unit_rows(np.array(rows).reshape(-1, 3)) if len(items) else np.zeros((0, 3), np.float32)
        )


class TestFakeText(EncoderConformance):
    @pytest.fixture
    def encoder(self) -> FakeText:
        return FakeText()

    @pytest.fixture
    def items(self) -> list[str]:
        return ["red", "green and blue", ""]


class TestFakeImage(EncoderConformance):
    @pytest.fixture
    def encoder(self) -> FakeImage:
        return FakeImage()

    @pytest.fixture
    def items(self) -> list[Any]:
        return [np.full((4, 4, 3), colour, np.uint8) for colour in COLOURS.values()]


def bundle(*modalities: str) -> LoadedBundle:
    towers = {"text": FakeText(), "image": FakeImage()}
    specs = {m: TowerSpec(m, "fake", "w", None, {}, {}, {}) for m in modalities}
    manifest = Manifest("fake", "1", "fake", 3, "CC0-1.0", specs, {})
    return LoadedBundle(manifest, {m: towers[m] for m in modalities})


def dataset_folder(folder: Path, *, captions: bool) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = []
    for name, colour in COLOURS.items():
        for turn in range(2):
            file = f"{name}{turn}.png"
            Image.new("RGB", (8, 8), colour).save(folder / "images" / file)
            rows.append((file, f"something {name}" if captions else name))
    table, column = ("captions.tsv", "caption") if captions else ("labels.tsv", "label")
    lines = [f"file\t{column}", *(f"{file}\t{text}" for file, text in rows)]
    (folder / table).write_text("\n".join(lines) + "\n")
    return folder


def calibrated(folder: Path) -> Path:
    folder.mkdir()
    pair = {
        "version": 1,
        "weights": {"z": 0.0, "similarity": 40.0, "peak": 0.0},
        "bias": -20.0,
        "threshold": 0.6,
    }
    pairs = [
        {"query_modality": a, "target_modality": b, "parameters": pair}
        for a, b in (("text", "image"), ("image", "text"))
    ]
    (folder / "calibration.json").write_text(json.dumps({"pairs": pairs}))
    save_file(
        {m: np.eye(3, dtype=np.float16) for m in ("text", "image")},
        str(folder / "reference.safetensors"),
    )
    return folder


def test_labels(tmp_path: Path) -> None:
    dataset = dataset_open(dataset_folder(tmp_path / "colours", captions=False))
    result = evaluate(bundle("text", "image"), calibrated(tmp_path / "b"), dataset).result
    assert (result["dataset"], result["model"]) == ("colours", "fake@1")
    assert result["zero_shot"] == {"labels": 3, "items": 6, "accuracy": 1.0}
    assert result["pairs"]["text-image"] == {
        "queries": 3,
        "targets": 6,
        "recall@1": 1.0,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "map@10": 1.0,
        "mrr": 1.0,
        "ndcg@10": 1.0,
        "median_rank": 1.0,
    }
    # A picture is no answer to itself, its twin of the same colour is.
    assert result["pairs"]["image-image"]["recall@1"] == 1.0
    assert result["calibration"]["pairs"] == 3 * 6 + 6 * 3
    assert 0 <= result["calibration"]["ece"] < 0.1
    assert result["abstention"]["answerable_kept"] == 1.0
    assert result["abstention"]["unanswerable_held"] > 0.95
    # Failures of every pair lie beside the figures.
    assert set(result["failures"]) == {"text-image", "image-text", "image-image"}
    assert result["latency_ms"]["p50"] <= result["latency_ms"]["p95"]
    assert result["memory_mb"] > 0


def test_captions_count_only_their_own_picture(tmp_path: Path) -> None:
    dataset = dataset_open(dataset_folder(tmp_path / "colours", captions=True))
    result = evaluate(bundle("text", "image"), tmp_path, dataset).result
    figures = result["pairs"]["text-image"]
    assert (figures["queries"], figures["targets"]) == (6, 6)
    # Two pictures are alike: of each two captions one finds its own first, the other second.
    assert figures["recall@1"] == pytest.approx(0.5)
    assert figures["recall@5"] == 1.0
    assert result["pairs"]["image-text"]["recall@5"] == 1.0
    assert not {"zero_shot", "calibration", "abstention"} & set(result)


def test_a_bundle_without_the_tower_is_refused(tmp_path: Path) -> None:
    dataset = dataset_open(dataset_folder(tmp_path / "colours", captions=True))
    with pytest.raises(DatasetError, match="no tower"):
        evaluate(bundle("text"), tmp_path, dataset)
