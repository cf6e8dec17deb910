"""Sounds that look for photos, on encoders whose answers are known beforehand."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from django.core.management import CommandError, call_command
from PIL import Image

from retrieval.encoders import registry
from retrieval.encoders.base import Vectors, image_checked, unit_rows, wave_checked
from retrieval.encoders.bundle import Manifest, TowerSpec
from retrieval.encoders.registry import LoadedBundle
from retrieval.evaluation.across import across, named, precision_figures, words_read
from retrieval.evaluation.datasets import DatasetError, dataset_open

COLOURS = {"Dog": (250, 0, 0), "Cat": (0, 250, 0), "Rain": (0, 0, 250)}
LEVELS = {"Dog": 0.1, "Cat": 0.4, "Rain": 0.8}
SAID = {"Dog": "A DOG runs", "Cat": "two kittens", "Rain": "a wet street"}


class Ears:
    modality, dimension = "audio", 3

    def encode(self, items: Sequence[Any]) -> Vectors:
        levels = np.array(list(LEVELS.values()))
        return np.stack(
            [np.eye(3)[np.abs(levels - wave_checked(i).max()).argmin()] for i in items]
        ).astype(np.float32)


class Eyes:
    modality, dimension = "image", 3

    def encode(self, items: Sequence[Any]) -> Vectors:
        return unit_rows(np.stack([image_checked(i).reshape(-1, 3).mean(0) for i in items]))


def bundle() -> LoadedBundle:
    specs = {
        name: TowerSpec(name, "fake", "w", None, {}, {}, {"sample_rate": 8000})
        for name in ("audio", "image")
    }
    manifest = Manifest("fake", "1", "fake", 3, "CC0-1.0", specs, {})
    return LoadedBundle(manifest, {"audio": Ears(), "image": Eyes()})


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Sounds of two folds, and five photos of each thing."""
    sounds, photos = tmp_path / "sounds", tmp_path / "photos"
    (sounds / "audio").mkdir(parents=True)
    (photos / "images").mkdir(parents=True)
    heard, seen = ["file\tlabel\tfold"], ["file\tcaption"]
    for label, level in LEVELS.items():
        for fold in (1, 4):
            name = f"{label}{fold}.wav"
            soundfile.write(sounds / "audio" / name, np.full(800, level, np.float32), 8000)
            heard.append(f"{name}\t{label}\t{fold}")
        for turn in range(5):
            name = f"{label}{turn}.png"
            Image.new("RGB", (8, 8), COLOURS[label]).save(photos / "images" / name)
            seen += [f"{name}\tnothing to see", f"{name}\t{SAID[label]}"]
    (sounds / "meta.tsv").write_text("\n".join(heard) + "\n")
    (photos / "captions.tsv").write_text("\n".join(seen) + "\n")
    return sounds, photos


def test_a_caption_names_a_label_by_whole_words() -> None:
    found = named(["Dog", "Wind"], ["two DOGS, one cat", "a dogged man"], {"Dog": ["dog", "dogs"]})
    assert found.tolist() == [[True, False], [False, False]]


def test_the_committed_words_are_those_of_sounds() -> None:
    words = words_read()
    assert "dogs" in words["Dog"]
    assert all(word == word.lower() for each in words.values() for word in each)


def test_words_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text("a = 1")
    for name in ("w.toml", "none.toml"):
        with pytest.raises(DatasetError):
            words_read(tmp_path / name)


def test_chance_is_the_share_of_right_targets_of_those_that_have_one() -> None:
    targets = np.eye(8, dtype=np.float32)
    right = np.zeros((3, 8), dtype=bool)
    right[0, :2], right[1, 7] = True, True
    figures = precision_figures(targets[:3], targets, right)
    assert figures["queries"] == 2
    assert figures["chance"] == pytest.approx(3 / 16, abs=1e-4)
    # The first query's two answers are among its first five by order; the second's is not.
    assert figures["precision@5"] == pytest.approx(0.2)
    assert figures["times_chance"] == pytest.approx(1.07)
    assert precision_figures(targets[:3], targets, right & False) == {"queries": 0, "targets": 8}


def test_sounds_find_photos_and_photos_sounds(folders: tuple[Path, Path]) -> None:
    sounds, photos = (dataset_open(folder) for folder in folders)
    words = {"Dog": ["dog"], "Cat": ["kittens"]}
    result = across(bundle(), sounds, photos, words=words)
    assert (result["dataset"], result["targets"], result["model"]) == ("sounds", "photos", "fake@1")
    assert result["pairs"]["audio-image"] == {
        "queries": 4,
        "targets": 15,
        "precision@5": 1.0,
        "chance": 0.3333,
        "times_chance": 3.0,
    }
    assert result["pairs"]["image-audio"]["queries"] == 10
    for pair in ((photos, sounds), (sounds, sounds)):
        with pytest.raises(DatasetError):
            across(bundle(), *pair, words=words)


def test_the_command_takes_one_fold(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load_bundle", lambda *_: bundle())
    sounds, photos = map(str, folders)
    said = io.StringIO()
    call_command("evaluate", dataset=sounds, targets=photos, fold="4", stdout=said, stderr=said)
    result = json.loads(said.getvalue()[said.getvalue().index("{") :])
    assert result["pairs"]["audio-image"]["queries"] == 1  # of the words, only "Dog" is said
    with pytest.raises(CommandError):
        call_command("evaluate", dataset=sounds, targets=photos, model="x@1", stdout=said)
