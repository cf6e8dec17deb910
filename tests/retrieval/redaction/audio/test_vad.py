"""Speech is found in noise, from its first word to its last, and nowhere else."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from retrieval.redaction.audio import silero, vad
from retrieval.redaction.audio.regions import covered, merged, regions
from retrieval.redaction.audio.silero import DetectorMissingError
from tests.retrieval.redaction.audio.conftest import RATE, mixed, pink, speech


def found(detector, sound, *, again=False, threshold=0.5):
    scores = detector.scores([sound], again=again)
    return merged((one.start_ms, one.end_ms) for one in regions(scores, threshold=threshold))


@pytest.mark.parametrize(("snr", "share"), [(20, 0.97), (5, 0.97), (0, 0.9)])
def test_speech_in_noise_is_found_and_little_else(detector, snr, share):
    said = heard = quiet = lost = 0
    for name in ("english", "german", "french"):
        sound, start, end = mixed(name, snr=snr, seconds=10, at=3.2)
        muted = found(detector, sound)
        said += end - start
        heard += covered(start, end, muted)
        quiet += 10_000 - (end - start)
        lost += covered(0, start, muted) + covered(end, 10_000, muted)
        assert covered(start, end, muted) >= 0.9 * (end - start)
    assert heard >= share * said
    assert lost <= 0.05 * quiet


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(3 * RATE, np.float32),
        pink(5),
        np.random.default_rng(3).standard_normal(5 * RATE).astype(np.float32) * 0.2,
        np.sign(np.sin(np.arange(3 * RATE) / 20)).astype(np.float32),
    ],
    ids=["silence", "pink", "white", "buzz"],
)
def test_where_nobody_speaks_nothing_is_found(detector, sound, again):
    assert found(detector, sound, again=again) == []


def test_the_second_look_finds_speech_too_and_quiet_speech_better(detector):
    sound, start, end = mixed("english", snr=10, seconds=8, at=1.5)
    assert covered(start, end, found(detector, sound, again=True)) >= 0.9 * (end - start)
    bang = np.concatenate([0.005 * speech("english"), 0.9 * np.sign(pink(1))])
    assert sum(end - start for start, end in found(detector, bang, again=True)) > 2_000


def test_speech_backwards_is_speech(detector):
    said = np.ascontiguousarray(speech("english")[::-1])
    whole = len(said) * 1000 // RATE
    assert covered(0, whole, found(detector, said)) >= 0.9 * whole


def test_pieces_give_what_the_whole_gives(detector, monkeypatch):
    sound, _, _ = mixed("german", snr=10, seconds=9, at=2.0)
    at_once = detector.scores([sound])
    pieces = [sound[start : start + 7_777] for start in range(0, len(sound), 7_777)]
    assert np.array_equal(detector.scores(pieces).forward, at_once.forward)
    monkeypatch.setattr(vad, "_CORE", 3 * RATE // silero.FRAME * silero.FRAME)
    cut = detector.scores(pieces)
    assert np.array_equal(cut.forward, at_once.forward)  # the state is carried over
    assert len(cut.backward) == len(at_once.backward)
    assert np.mean(np.abs(cut.backward - at_once.backward) > 0.1) < 0.05


@pytest.mark.parametrize("samples", [0, 1, 255, 256, 257, 4_800])
def test_a_sound_of_any_length_has_a_score_each_16_ms(detector, samples):
    scores = detector.scores([np.zeros(samples, np.float32)])
    assert len(scores.forward) == len(scores.backward) == -(-samples // 256)
    assert len(detector.scores([]).forward) == 0


def test_another_file_than_the_measured_one_is_refused(monkeypatch):
    monkeypatch.setattr(silero, "_SHA256", "0" * 64)
    with pytest.raises(DetectorMissingError, match="another hash"):
        silero.Silero()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DetectorMissingError, match="not installed"):
        silero.Silero()


def test_the_package_itself_is_never_imported(detector):
    detector.scores([pink(0.5)])
    assert "silero_vad" not in sys.modules
