"""What the audio student hears and what it is told, on sounds small enough to reason about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from retrieval.alignment import audio_train as training
from retrieval.alignment.sound_texts import SoundTexts
from retrieval.alignment.sound_variation import excerpts, gaps, mixed, shifted
from retrieval.alignment.sounds import PATCHES, VARIANT
from retrieval.alignment.start import start_from
from retrieval.alignment.teacher_votes import teacher_features, votes_fit
from retrieval.encoders.mel import mel_of_power, power_of_mel
from retrieval.encoders.towers import AudioTower


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_excerpts_keep_frames_and_patches_together() -> None:
    frames = torch.arange(251.0).view(1, 251, 1).expand(6, 251, 4)
    patches = (torch.arange(9.0) * 24).view(1, 9, 1).expand(6, 9, 3)
    mel, heard = excerpts(frames / 1e4, patches, frames=128, patches=4, rng=rng())
    assert mel.shape == (6, 128, 4)
    assert heard.shape == (6, 4, 3)
    assert torch.allclose(mel[:, 0, 0] * 1e4, heard[:, 0, 0].clamp_max(123), atol=0.1)


def test_loud_places_are_heard_more_often() -> None:
    mel = torch.full((200, 251, 4), -2.0)
    mel[:, 150:] = 2.0
    heard, _ = excerpts(mel, torch.zeros(200, 9, 3), frames=32, patches=1, rng=rng())
    assert float((heard.mean((1, 2)) > 1).float().mean()) > 0.9


def test_power_and_its_logarithm_are_each_others_inverse() -> None:
    power = torch.rand(3, 20, 8, generator=rng())
    back = power_of_mel(mel_of_power(power))
    assert torch.allclose(back, power / power.mean((1, 2), keepdim=True), atol=1e-3)


def test_a_mixture_says_how_much_is_its_own() -> None:
    low, high = torch.zeros(1, 40, 8), torch.zeros(1, 40, 8)
    low[:, :, 0], high[:, :, 7] = 1.0, 1.0
    mel = mel_of_power(torch.cat([low, high]).repeat(100, 1, 1))
    found, part = mixed(mel, 0.5, rng())
    own = torch.arange(200) % 2 * 7
    power = power_of_mel(found).mean(1)
    mine = power[torch.arange(200), own] / power.sum(1)
    assert 60 < int((part == 1).sum()) < 140
    assert bool((part >= 0.5).all())
    assert bool((mine[part[:, 0] == 1] > 0.999).all())
    assert bool((mine[part[:, 0] < 0.6] < 0.95).all())


def test_gaps_and_shifts_change_a_spectrogram_and_keep_its_shape() -> None:
    mel = torch.randn(4, 100, 32, generator=rng())
    for found in (gaps(mel, rng()), shifted(mel, rng())):
        assert found.shape == mel.shape
        assert bool(torch.isfinite(found).all())
        assert not torch.allclose(found, mel)


def test_votes_come_from_other_folds_alone() -> None:
    labels = torch.arange(120) % 3
    wanted = torch.eye(3)[labels]
    folds = (torch.arange(120) // 40 + 1)[:, None].expand(-1, 2)
    features = torch.randn(120, 30, generator=rng())
    features[:, :3] += 40 * wanted
    votes = votes_fit(features, wanted, folds)
    assert torch.allclose(votes.sum(1), torch.ones(120), atol=1e-5)
    assert float((votes.argmax(1) == labels).float().mean()) > 0.95
    # Whatever is said of a fold's own clips, their votes stay the same.
    lied = wanted.clone()
    lied[:40] = wanted[:40].roll(1, 1)
    assert bool((votes_fit(features, lied, folds)[:40].argmax(1) == labels[:40]).all())


def test_votes_see_the_mean_and_the_peak() -> None:
    patches = torch.tensor([[[0.0, 1.0], [4.0, 1.0]]])
    assert teacher_features(patches).tolist() == [[2.0, 1.0, 4.0, 1.0]]


def test_weights_to_go_on_from(tmp_path: Path) -> None:
    first, second = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    assert not start_from(second, tmp_path / "none.safetensors")
    save_file({k: v.half() for k, v in first.state_dict().items()}, tmp_path / "a.safetensors")
    assert start_from(second, tmp_path / "a.safetensors")
    assert torch.allclose(first.weight, second.weight, atol=1e-3)
    with pytest.raises(RuntimeError):
        start_from(torch.nn.Linear(4, 2), tmp_path / "a.safetensors")


@pytest.fixture
def denormals() -> Iterator[None]:
    """Training flushes denormal numbers in the whole process; other tests do not expect it."""
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("denormals")
def test_a_short_training_learns_and_leaves_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = np.random.default_rng(0)
    records = np.zeros(24, VARIANT)
    records["mel"] = numbers.standard_normal(records["mel"].shape)
    records["embedding"] = numbers.standard_normal((24, PATCHES, 1024))
    records["scores"] = numbers.random((24, 521))
    records["labels"], records["shares"] = np.arange(24)[:, None] % 2, (1.0, 0.0)
    records["folds"] = np.arange(24)[:, None] % 3 + 1
    (tmp_path / "sounds").mkdir()
    np.save(tmp_path / "sounds/sounds-000.npy", records)
    texts = SoundTexts(
        ["a", "b"],
        np.eye(4, 8, dtype=np.float32),
        np.array([0, 1, 0, -1]),
        np.ones((521, 8), np.float32),
    )
    monkeypatch.setattr(training, "training_clips", lambda *_: [])
    monkeypatch.setattr(training, "sound_texts", lambda *_: texts)
    monkeypatch.setattr(training, "REPORT_STEPS", 1)
    recipe = {
        "architecture": "test_resnet",
        "seed": 1,
        "threads": 1,
        "train": {
            "peak": 1e-3,
            "warm": 0.1,
            "weight_decay": 0.1,
            "drop_path": 0.0,
            "head_dropout": 0.1,
            "mix": 0.3,
            "clip": 5.0,
            "average": 0.9,
            "save_every": 100,
            "weights": dict.fromkeys(training.TERMS, 1.0),
            "stages": [{"until": 1.01, "frames": 96, "patches": 3, "batch": 12}],
        },
    }
    path = training.audio_train(recipe, tmp_path, tmp_path, seconds=0.5)
    tower = AudioTower("test_resnet", width=1024, dimension=8)
    tower.load_state_dict(torch.load(path, weights_only=True))
    first = json.loads(capsys.readouterr().err.splitlines()[0])
    assert set(first) == {"step", "spent", *training.TERMS}
    assert all(np.isfinite(value) for value in first.values())
