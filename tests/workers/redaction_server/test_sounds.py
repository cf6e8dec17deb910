"""Voices are gone from what is stored, the rest of the sound stays, and nothing passes unheard."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import soxr

from retrieval.redaction.audio.redactor import SpeechRedactor
from retrieval.redaction.base import (
    AudioFindings,
    AudioPolicy,
    EntityRule,
    Finding,
    Profile,
    SpokenText,
)
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.text import StructuredTextRedactor
from tests.retrieval.redaction.audio.conftest import RATE, detector, mixed, pink, speech
from tests.retrieval.redaction.audio.scribes import Scribe
from tests.workers.sandbox.conftest import sandbox
from workers.redaction_server.sounds import Sounds, times
from workers.sandbox import DecodeError, Limits, TensorSpec

__all__ = ["detector", "sandbox"]

PROFILE = Profile(name="test", version=1, entities={"CREDIT_CARD": EntityRule(threshold=0.4)})


def under(speech, **policy):
    return replace(PROFILE, audio=AudioPolicy(speech=speech, **policy))


def wav(samples, rate=RATE):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format="WAV")
    return stream.getvalue()


def voice(finding, start_ms, end_ms):
    return Finding(kind=finding, score=0.9, recognizer="fake", start_ms=start_ms, end_ms=end_ms)


class Scripted:
    """Finds what it was told to, look by look; then nothing."""

    name, version = "scripted", "1"

    def __init__(self, *script, spoken=()):
        self.script, self.spoken, self.asked = list(script), spoken, []

    def looks(self, profile):
        return True

    def find(self, pieces, *, profile, book=None, again=False):
        self.asked.append((again, sum(len(piece) for piece in pieces())))
        found = self.script.pop(0) if self.script else ()
        if isinstance(found, Exception):
            raise found
        return AudioFindings(findings=tuple(found), spoken=self.spoken)


@pytest.fixture(scope="module")
def text():
    return StructuredTextRedactor()


@pytest.fixture
def sounds(sandbox, detector, text):
    return Sounds(sandbox, SpeechRedactor(detector, text), text, Limits())


@pytest.fixture
def made(sandbox):
    """Redacts a file as an upload is."""

    def run(sounds, data, profile=PROFILE):
        media = sandbox.sniff_normalise(data)
        return media, sounds.redact(media, profile=profile, book=Numbering())

    return run


def level(sandbox, rendition, start_ms, end_ms):
    spec = TensorSpec(sample_rate=RATE, windows_ms=((start_ms, end_ms),))
    (samples,) = sandbox.tensors(rendition, media_type="audio/ogg", spec=spec)
    return float(np.sqrt(np.mean(samples**2)))


def test_a_voice_is_silent_and_the_rest_sounds_as_before(sandbox, sounds, made):
    sound, start, end = mixed("english", snr=10, seconds=9, at=2.0)
    media, parts = made(sounds, wav(sound))
    assert {finding.kind for finding in parts.findings} == {"VOICE"}
    muted = times(parts.findings)
    assert sum(stop - begin for begin, stop in muted) >= 0.95 * (end - start)
    before = level(sandbox, media.rendition, 0, 1500)
    assert level(sandbox, parts.rendition, 0, 1500) == pytest.approx(before, rel=0.05)
    for begin, stop in muted:
        assert level(sandbox, parts.rendition, begin + 60, stop - 60) < before / 100
    assert parts.thumbnail != media.thumbnail
    assert [step.step for step in parts.steps] == ["listen"]
    assert sounds.verify(parts.rendition, profile=PROFILE).reason == ""
    left = sounds.verify(media.rendition, profile=PROFILE)
    assert (left.reason, left.kinds) == ("redaction-incomplete", ["VOICE"])
    assert all(finding.start_ms is not None for finding in left.findings)


def test_where_nobody_speaks_nothing_is_written_again(sounds, made):
    media, parts = made(sounds, wav(pink(4)))
    assert (parts.rendition, parts.thumbnail) == (media.rendition, media.thumbnail)
    assert parts.findings == ()
    assert [plan.modality for plan in parts.segments] == [""]


def phone(said):
    return soxr.resample(np.pad(said, 8_000), RATE, 8_000), 8_000


def one_channel(said):
    padded = np.pad(said, 8_000)
    return np.stack([padded, 0.1 * pink(9)[: len(padded)]], -1), RATE


def clipped(said):
    return np.clip(20 * np.pad(said, 8_000), -0.9, 0.9), RATE


def backwards(said):
    return np.pad(said[::-1], 8_000), RATE


def far_away(said):
    return np.concatenate([0.02 * np.pad(said, 8_000), 0.9 * np.sign(pink(1))]), RATE


@pytest.mark.parametrize("change", [phone, one_channel, clipped, backwards, far_away])
def test_odd_recordings_of_speech_are_muted(sounds, made, change):
    samples, rate = change(speech("german"))
    _, parts = made(sounds, wav(samples, rate))
    seconds = sum(end - start for start, end in times(parts.findings)) / 1000
    assert seconds >= 0.8 * len(speech("german")) / RATE
    assert sounds.verify(parts.rendition, profile=PROFILE).reason == ""


@pytest.mark.parametrize(
    "samples",
    [np.zeros(RATE), 0.3 * pink(5), pink(0.01), pink(0.2), np.ones(3 * RATE) * 0.9],
    ids=["silence", "noise", "10ms", "200ms", "constant"],
)
def test_sounds_without_a_voice_pass_as_they_are(sounds, made, samples):
    media, parts = made(sounds, wav(samples))
    assert parts.rendition == media.rendition
    assert sounds.verify(parts.rendition, profile=PROFILE).reason == ""


def test_what_the_second_look_finds_is_muted_too_before_verification(sandbox, text, made):
    first, more = voice("VOICE", 500, 900), voice("VOICE", 2000, 2400)
    redactor = Scripted([first], [more])
    media, parts = made(Sounds(sandbox, redactor, text, Limits()), wav(pink(3)))
    assert [again for again, _ in redactor.asked] == [False, True, True]
    assert times(parts.findings) == [(500, 900), (2000, 2400)]
    usual = level(sandbox, media.rendition, 1200, 1800)
    # Opus's own high-pass filter (3 Hz) takes 0.2 s to come to rest.
    assert level(sandbox, parts.rendition, 2250, 2380) < usual / 100
    assert level(sandbox, parts.rendition, 1200, 1800) == pytest.approx(usual, rel=0.05)


def test_what_is_found_again_and_again_stays_for_verification(sandbox, text, made):
    found = [voice("VOICE", 500, 900)]
    redactor = Scripted(found, found, found, found)
    sounds = Sounds(sandbox, redactor, text, Limits())
    _, parts = made(sounds, wav(pink(3)))
    assert len(redactor.asked) == 3
    assert sounds.verify(parts.rendition, profile=PROFILE).reason == "redaction-incomplete"


@pytest.mark.parametrize("error", [RedactionTimeoutError("late"), RuntimeError("crash")])
def test_a_redactor_that_fails_lets_nothing_through(sandbox, text, made, error):
    with pytest.raises(type(error)):
        made(Sounds(sandbox, Scripted(error), text, Limits()), wav(pink(1)))
    with pytest.raises(type(error)):
        made(Sounds(sandbox, Scripted([], error), text, Limits()), wav(pink(1)))


def test_without_a_transcriber_spoken_data_is_refused_or_all_speech_muted(sounds, made):
    data = wav(np.pad(speech("french"), 16_000))
    with pytest.raises(DecodeError) as refused:
        made(sounds, data, under("mute_pii", without_transcriber="refuse"))
    assert (refused.value.code, refused.value.disposition) == ("no-transcriber", "quarantined")
    _, parts = made(sounds, data, under("mute_pii", without_transcriber="mute_speech"))
    assert {finding.kind for finding in parts.findings} == {"VOICE"}


@pytest.fixture
def with_scribe(sandbox, detector, text):
    def make(*words):
        redactor = SpeechRedactor(detector, text, transcriber=Scribe(*words))
        return Sounds(sandbox, redactor, text, Limits())

    return make


CARD = (
    ("card", 100, 300),
    ("4111", 300, 700),
    ("1111", 700, 1000),
    ("1111", 1000, 1300),
    ("1111", 1300, 1600),
    ("thanks", 1600, 1900),
)


def talk():
    """Two seconds of speech, then two of noise."""
    sound = pink(4)
    sound[: 2 * RATE] *= 0.05
    sound[: len(speech("french"))] += speech("french")
    return wav(sound)


def test_only_what_is_personal_is_muted_and_the_words_become_text(sandbox, with_scribe, made):
    media, parts = made(with_scribe(*CARD), talk(), under("mute_pii"))
    assert [(f.kind, f.start_ms, f.end_ms) for f in parts.findings] == [("CREDIT_CARD", 100, 1800)]
    assert level(sandbox, parts.rendition, 200, 1700) < 1e-3
    assert level(sandbox, parts.rendition, 2000, 3900) > 1e-2
    assert parts.segments[-1].text == "card <CREDIT_CARD_1> thanks"
    assert (parts.segments[-1].modality, parts.segments[-1].kind) == ("text", "time")
    assert (parts.segments[-1].start_ms, parts.segments[-1].end_ms) == (100, 1900)
    assert [plan.ordinal for plan in parts.segments] == [0, 1]
    assert parts.segments[0].end_ms == media.duration_ms


def test_speech_without_words_is_muted_where_words_decide(with_scribe, made):
    sound, start, end = mixed("english", snr=10, seconds=9, at=2.0)
    _, parts = made(with_scribe(("hello", 2000, 2300)), wav(sound), under("mute_pii"))
    assert {finding.recognizer for finding in parts.findings} == {"unintelligible"}
    muted = sum(stop - begin for begin, stop in times(parts.findings))
    assert muted >= 0.8 * (end - start)


def test_a_voice_that_is_kept_gives_its_redacted_words(with_scribe, made):
    media, parts = made(with_scribe(*CARD), talk(), under("keep"))
    assert (parts.rendition, parts.findings) == (media.rendition, ())
    assert parts.segments[-1].text == "card <CREDIT_CARD_1> thanks"


def test_a_stretch_in_which_more_is_found_later_is_not_kept(sandbox, text, made):
    spoken = (
        SpokenText(text="rain", start_ms=0, end_ms=400),
        SpokenText(text="4111 1111 1111 1111", start_ms=500, end_ms=900),
        SpokenText(text="sun", start_ms=1000, end_ms=1400),
    )
    redactor = Scripted([], [voice("CREDIT_CARD", 1000, 1100)], spoken=spoken)
    _, parts = made(Sounds(sandbox, redactor, text, Limits()), wav(pink(2)), under("mute_pii"))
    assert [plan.text for plan in parts.segments if plan.modality == "text"] == ["rain"]


def test_a_tone_may_mark_what_was_muted(sandbox, with_scribe, made):
    _, parts = made(with_scribe(*CARD), talk(), under("mute_pii", muted_as="tone"))
    assert level(sandbox, parts.rendition, 300, 1500) == pytest.approx(0.014, rel=0.3)


def test_tags_in_a_rendition_are_found(sandbox, sounds):
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", 48_000, 1, format="OGG", subtype="OPUS") as file:
        file.artist = "Anna Berger"
        file.write(0.1 * np.random.default_rng(1).standard_normal(48_000))
    verdict = sounds.verify(stream.getvalue(), profile=under("keep"))
    assert verdict.kinds == ["METADATA:tags"]
    with pytest.raises(DecodeError):
        sounds.verify(b"no sound", profile=PROFILE)
