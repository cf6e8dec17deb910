"""Stretches of a sound are silent afterwards; the rest is as it was."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from workers.sandbox import MAX_INTERVALS, DecodeError, TensorSpec

RATE = 48_000


@pytest.fixture(scope="module")
def tone(sandbox):
    """Four seconds of a tone as a rendition."""
    time = np.arange(4 * RATE) / RATE
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.3 * np.sin(2 * np.pi * 440 * time), RATE, format="WAV")
    return sandbox.sniff_normalise(buffer.getvalue())


def level(sandbox, rendition, start_ms, end_ms):
    spec = TensorSpec(windows_ms=((start_ms, end_ms),))
    (samples,) = sandbox.tensors(rendition, media_type="audio/ogg", spec=spec)
    return float(np.sqrt(np.mean(samples**2)))


def test_only_the_intervals_are_silent(sandbox, tone):
    muted = sandbox.mute(tone.rendition, intervals_ms=[(2000, 2600), (500, 1000), (900, 1100)])
    assert abs(muted.duration_ms - tone.duration_ms) <= 20
    usual = level(sandbox, tone.rendition, 1200, 1900)
    assert level(sandbox, muted.rendition, 520, 1080) < usual / 300
    assert level(sandbox, muted.rendition, 2020, 2580) < usual / 300
    for start, end in ((0, 480), (1120, 1980), (2620, 3900)):
        assert level(sandbox, muted.rendition, start, end) == pytest.approx(usual, rel=0.05)


def test_a_short_interval_within_a_long_one_changes_nothing(sandbox, tone):
    muted = sandbox.mute(tone.rendition, intervals_ms=[(200, 3000), (300, 310), (3500, 3600)])
    assert level(sandbox, muted.rendition, 220, 2980) < 1e-3
    assert level(sandbox, muted.rendition, 3520, 3580) < 1e-3


def test_an_interval_may_reach_over_the_end(sandbox, tone):
    muted = sandbox.mute(tone.rendition, intervals_ms=[(3000, 99_000)])
    assert level(sandbox, muted.rendition, 3020, 3980) < 1e-3
    assert abs(muted.duration_ms - tone.duration_ms) <= 20


def test_a_tone_marks_the_place(sandbox, tone):
    muted = sandbox.mute(tone.rendition, intervals_ms=[(1000, 2000)], tone=True)
    assert level(sandbox, muted.rendition, 1100, 1900) == pytest.approx(0.02 / 2**0.5, rel=0.2)


def test_the_waveform_is_drawn_anew(sandbox, tone):
    def ink(picture):
        return np.asarray(Image.open(io.BytesIO(picture)).convert("L")) < 200

    muted = sandbox.mute(tone.rendition, intervals_ms=[(0, 2000)])
    before, after = ink(tone.thumbnail), ink(muted.thumbnail)
    half = before.shape[1] // 2
    assert after[:, : half - 8].sum() < before[:, : half - 8].sum() / 10
    assert after[:, half + 8 :].sum() > before[:, half + 8 :].sum() / 2


def test_a_muted_sound_comes_back_without_metadata(sandbox, tone):
    muted = sandbox.mute(tone.rendition, intervals_ms=[(0, 100)])
    assert sandbox.sniff_normalise(muted.rendition).metadata_found == ()


def test_as_many_intervals_as_are_promised_fit_a_message(sandbox, tone):
    late = 4 * 60 * 60 * 1000
    many = [(late + 2 * n, late + 2 * n + 1) for n in range(MAX_INTERVALS)]
    assert sandbox.mute(tone.rendition, intervals_ms=many).duration_ms >= 3900
    with pytest.raises(ValueError, match="at most"):
        sandbox.mute(tone.rendition, intervals_ms=[*many, (0, 1)])


def test_what_is_no_sound_is_refused(sandbox):
    with pytest.raises(DecodeError):
        sandbox.mute(b"not a sound", intervals_ms=[(0, 10)])
    with pytest.raises(ValueError, match="before"):
        sandbox.mute(b"", intervals_ms=[(-5, 10)])
