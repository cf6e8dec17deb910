"""Sounds come out as Ogg Opus: mono, 48 kHz, one loudness, no tags."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from workers.sandbox import DecodeError, Limits, TensorSpec

SECRET = "SECRETCANARY"
RATE = 48_000


def tone(seconds=1.0, *, hertz=997.0, level=0.5, rate=RATE, channels=1):
    time = np.arange(int(seconds * rate)) / rate
    mono = (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    return np.stack([mono] * channels, axis=-1)


def written(samples, container, subtype=None, *, rate=RATE, tags=False):
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", rate, samples.shape[1], format=container, subtype=subtype
    ) as file:
        if tags:
            file.title = file.artist = file.comment = SECRET
        file.write(samples)
    return buffer.getvalue()


def encoded(samples, container, codec, *, rate=RATE, tags=None, video=False):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        out.metadata.update(tags or {})
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        stream = out.add_stream(codec, rate=rate, layout=layout)
        picture = out.add_stream("mpeg4", rate=25) if video else None
        if picture is not None:
            picture.width = picture.height = 16
            picture.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_image(Image.new("RGB", (16, 16)))
            out.mux(picture.encode(frame))
            out.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T), format="fltp", layout=layout
        )
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def heard(data):
    """Samples (n,) and properties of a rendition, read by another library than the product's."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.format, file.subtype) == ("OGG", "OPUS")
        assert (file.samplerate, file.channels) == (RATE, 1)
        return file.read(dtype="float32")


def code_of(sandbox, data, name, **more):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(data, name_hint=name, **more)
    return caught.value.code


def strongest_hertz(samples):
    spectrum = np.abs(np.fft.rfft(samples[:RATE] * np.hanning(min(len(samples), RATE))))
    return np.argmax(spectrum) * RATE / min(len(samples), RATE)


FORMATS = [
    ("a.wav", "audio/wav", lambda s: written(s, "WAV", "PCM_16")),
    ("b.wav", "audio/wav", lambda s: written(s, "WAV", "PCM_U8")),
    ("c.wav", "audio/wav", lambda s: written(s, "WAV", "PCM_24")),
    ("d.wav", "audio/wav", lambda s: written(s, "WAV", "FLOAT")),
    ("e.wav", "audio/wav", lambda s: written(s, "WAV", "ULAW")),
    ("f.wav", "audio/wav", lambda s: written(s, "RF64", "PCM_16")),
    ("a.flac", "audio/flac", lambda s: written(s, "FLAC", "PCM_24")),
    ("a.ogg", "audio/ogg", lambda s: written(s, "OGG", "VORBIS")),
    ("a.opus", "audio/ogg", lambda s: written(s, "OGG", "OPUS")),
    ("a.mp3", "audio/mpeg", lambda s: written(s, "MP3", "MPEG_LAYER_III")),
    ("a.m4a", "audio/mp4", lambda s: encoded(s, "ipod", "aac")),
    ("b.m4a", "audio/mp4", lambda s: encoded(s, "mp4", "alac")),
    ("a.aac", "audio/aac", lambda s: encoded(s, "adts", "aac")),
]


@pytest.mark.parametrize(("name", "media_type", "write"), FORMATS, ids=[f[0] for f in FORMATS])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_becomes_the_same_sound(sandbox, name, media_type, write, channels):
    result = sandbox.sniff_normalise(write(tone(2, channels=channels)), name_hint=name)
    assert (result.modality, result.source_type) == ("audio", media_type)
    assert result.media_type == "audio/ogg"
    samples = heard(result.rendition)
    assert 1990 <= result.duration_ms <= 2100
    assert abs(len(samples) / RATE * 1000 - result.duration_ms) < 25
    assert abs(strongest_hertz(samples[RATE // 4 :]) - 997) < 3
    picture = Image.open(io.BytesIO(result.thumbnail))
    assert (picture.format, picture.size) == ("WEBP", (320, 96))


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_every_rate_becomes_48_kilohertz(sandbox, rate):
    result = sandbox.sniff_normalise(
        written(tone(1, rate=rate), "WAV", rate=rate), name_hint="a.wav"
    )
    assert abs(result.duration_ms - 1000) <= 2
    assert abs(strongest_hertz(heard(result.rendition)) - 997) < 3


def test_six_channels_become_one(sandbox):
    result = sandbox.sniff_normalise(written(tone(1, channels=6), "WAV"), name_hint="a.wav")
    assert abs(strongest_hertz(heard(result.rendition)) - 997) < 3


def rms_dbfs(samples):
    return 20 * np.log10(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("level", [0.02, 0.1, 0.9])
def test_loudness_is_minus_23_lufs(sandbox, level):
    """EBU Tech 3341: a mono 997 Hz sine of -20 dBFS peak reads -23.0 LUFS, whatever it was."""
    data = written(tone(4, level=level), "WAV", "FLOAT")
    samples = heard(sandbox.sniff_normalise(data, name_hint="a.wav").rendition)
    peak = 20 * np.log10(np.abs(samples[RATE:-RATE]).max())
    assert abs(peak - (-20.0)) < 0.5


def test_loudness_leaves_pauses_out(sandbox):
    """BS.1770's gate: a second of tone between silences is brought to the same level as alone."""
    sound = np.concatenate([np.zeros((4 * RATE, 1), np.float32), tone(4), np.zeros((RATE, 1))])
    data = written(sound.astype(np.float32), "WAV", "FLOAT")
    samples = heard(sandbox.sniff_normalise(data, name_hint="a.wav").rendition)
    peak = 20 * np.log10(np.abs(samples[5 * RATE : 7 * RATE]).max())
    assert abs(peak - (-20.0)) < 1.0


def test_a_short_sound_has_a_loudness_too(sandbox):
    data = written(tone(0.1, level=0.9), "WAV", "FLOAT")
    samples = heard(sandbox.sniff_normalise(data, name_hint="a.wav").rendition)
    assert 0.05 < np.abs(samples).max() < 0.2


def test_a_sharp_sound_keeps_below_the_peak_limit(sandbox):
    clicks = np.zeros((2 * RATE, 1), np.float32)
    clicks[:: RATE // 2] = 0.2
    samples = heard(
        sandbox.sniff_normalise(written(clicks, "WAV", "FLOAT"), name_hint="a.wav").rendition
    )
    assert np.abs(samples).max() <= 1.0


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_stays_silence(sandbox, level):
    data = written(tone(1, level=level), "WAV", "FLOAT")
    result = sandbox.sniff_normalise(data, name_hint="a.wav")
    assert np.abs(heard(result.rendition)).max() < 1e-3
    assert result.duration_ms == 1000


def test_samples_that_are_no_numbers_do_no_harm(sandbox):
    sound = tone(1)
    sound[1000:2000] = np.nan
    sound[3000:4000] = np.inf
    sound[5000:6000] = 1e30
    result = sandbox.sniff_normalise(written(sound, "WAV", "FLOAT"), name_hint="a.wav")
    assert np.isfinite(heard(result.rendition)).all()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.wav", lambda: written(tone(), "WAV", tags=True)),
        ("a.flac", lambda: written(tone(), "FLAC", tags=True)),
        ("a.ogg", lambda: written(tone(), "OGG", "VORBIS", tags=True)),
        ("a.mp3", lambda: encoded(tone(), "mp3", "libmp3lame", tags={"title": SECRET})),
        (
            "a.m4a",
            lambda: encoded(
                tone(), "ipod", "aac", tags={"title": SECRET, "location": "+52.5200+013.4050/"}
            ),
        ),
    ],
)
def test_tags_are_found_and_gone(sandbox, name, data):
    raw = data()
    assert SECRET.encode() in raw
    result = sandbox.sniff_normalise(raw, name_hint=name)
    assert "tags" in result.metadata_found
    assert SECRET.encode() not in result.rendition
    with av.open(io.BytesIO(result.rendition)) as out:
        assert out.metadata == {}
        assert out.streams.audio[0].metadata == {}


def test_a_cover_picture_is_found_and_gone(sandbox):
    mp3 = encoded(tone(), "mp3", "libmp3lame")
    jpeg = io.BytesIO()
    Image.new("RGB", (32, 32)).save(jpeg, "JPEG", comment=SECRET.encode())
    body = b"\0image/jpeg\0\x03\0" + jpeg.getvalue()
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = len(frame)
    tag = b"ID3\x03\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frame
    result = sandbox.sniff_normalise(tag + mp3, name_hint="a.mp3")
    assert "cover-art" in result.metadata_found
    assert SECRET.encode() not in result.rendition + result.thumbnail


def test_a_video_is_refused(sandbox):
    data = encoded(tone(), "mp4", "aac", video=True)
    assert code_of(sandbox, data, "a.m4a") == "video"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.wav", lambda: written(np.zeros((0, 1), np.float32), "WAV")),
        ("b.wav", lambda: written(np.zeros((0, 1), np.float32), "RF64")),
    ],
)
def test_a_sound_of_no_length_is_refused(sandbox, name, data):
    assert code_of(sandbox, data(), name) == "zero-duration"


@pytest.mark.parametrize(("name", "media_type", "write"), FORMATS, ids=[f[0] for f in FORMATS])
def test_a_few_bytes_of_a_sound_are_refused(sandbox, name, media_type, write):
    data = write(tone(2))
    for length in (12, 40, 64):
        code = code_of(sandbox, data[:length], name)
        assert code in {"truncated", "damaged", "zero-duration", "mislabelled"}


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.opus", "a.m4a", "f.wav"])
def test_half_a_sound_is_refused(sandbox, name):
    write = next(entry[2] for entry in FORMATS if entry[0] == name)
    noise = np.random.default_rng(3).normal(0, 0.1, (4 * RATE, 1)).astype(np.float32)
    data = write(noise)
    assert code_of(sandbox, data[: len(data) // 2 + 7], name) in {"truncated", "damaged"}


def wav_header(samples_claimed, rate=8000):
    size = min(samples_claimed, 0xFFFFFF00)
    fields = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1,
                         rate, rate, 1, 8)  # fmt: skip
    return fields + struct.pack("<4sI", b"data", size)


def test_a_header_that_lies_about_ten_hours_is_refused_at_once(sandbox):
    data = wav_header(10 * 3600 * 8000) + b"\x80" * 8000
    assert code_of(sandbox, data, "a.wav") in {"truncated", "too-long"}


def test_ten_hours_are_refused_with_a_sentence(sandbox):
    data = wav_header(10 * 3600 * 100, rate=100) + b"\x80" * (10 * 3600 * 100)
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(data, name_hint="a.wav")
    assert caught.value.code == "too-long"
    assert caught.value.reason == "The sound is longer than the 240 minutes that are taken."


def test_a_length_that_is_not_declared_is_enforced_while_decoding(sandbox):
    """The header says "unknown", as a recorder's does that was cut off."""
    data = wav_header(0)[:-4] + b"\xff\xff\xff\xff" + b"\x80" * (90 * 8000)
    limits = Limits(max_audio_ms=60_000)
    assert code_of(sandbox, data, "a.wav", limits=limits) == "too-long"
    assert sandbox.sniff_normalise(data, name_hint="a.wav").duration_ms == 90_000


def test_the_rendition_is_the_same_every_time(sandbox):
    data = written(tone(1), "FLAC")
    one, other = (sandbox.sniff_normalise(data, name_hint="a") for _ in range(2))
    assert one == other


def steps_of_frequency():
    """Ten seconds, a tone in each: 300, 600, ... 3000 Hz."""
    return np.concatenate([tone(1, hertz=300.0 * second) for second in range(1, 11)])


@pytest.mark.parametrize("rate", [16_000, 32_000, 48_000])
def test_windows_hold_their_part_of_the_sound(sandbox, rate):
    rendition = sandbox.sniff_normalise(
        written(steps_of_frequency(), "WAV"), name_hint="a"
    ).rendition
    spec = TensorSpec(sample_rate=rate, windows_ms=((0, 1000), (4000, 5000), (9000, 10_000)))
    windows = sandbox.tensors(rendition, media_type="audio/ogg", spec=spec)
    assert [window.shape for window in windows] == [(rate,)] * 3
    assert all(window.dtype == np.float32 for window in windows)
    for window, hertz in zip(windows, (300, 1500, 3000), strict=True):
        spectrum = np.abs(np.fft.rfft(window * np.hanning(rate)))
        assert abs(np.argmax(spectrum) - hertz) <= 3


def test_a_late_window_is_found_by_its_time(sandbox):
    """Decoding begins near the window, not at the start; it must be the same samples."""
    sound = np.concatenate([tone(1, hertz=200.0 + 20 * second) for second in range(60)])
    rendition = sandbox.sniff_normalise(written(sound, "WAV"), name_hint="a").rendition
    late = sandbox.tensors(
        rendition, media_type="audio/ogg", spec=TensorSpec(windows_ms=((50_000, 52_000),))
    )[0]
    whole = sandbox.tensors(rendition, media_type="audio/ogg", spec=TensorSpec())[0]
    assert np.abs(late - whole[50 * RATE : 52 * RATE]).max() < 1e-3


def test_no_windows_give_the_whole_sound(sandbox):
    rendition = sandbox.sniff_normalise(written(tone(1.5), "WAV"), name_hint="a").rendition
    whole = sandbox.tensors(rendition, media_type="audio/ogg", spec=TensorSpec())
    assert [array.shape for array in whole] == [(72_000,)]


def test_behind_the_end_there_are_zeros(sandbox):
    rendition = sandbox.sniff_normalise(written(tone(1), "WAV"), name_hint="a").rendition
    spec = TensorSpec(windows_ms=((500, 2500), (5000, 6000)))
    first, second = sandbox.tensors(rendition, media_type="audio/ogg", spec=spec)
    assert first.shape == (96_000,)
    assert np.abs(first[:24_000]).max() > 0.05
    assert not first[25_000:].any()
    assert not second.any()


def test_too_many_windows_at_once_are_a_mistake_of_the_caller(sandbox):
    spec = TensorSpec(windows_ms=tuple((i, i + 1) for i in range(65)))
    with pytest.raises(ValueError, match="65 windows"):
        sandbox.tensors(b"x", media_type="audio/ogg", spec=spec)


def test_pictures_become_arrays(sandbox):
    image = Image.new("RGB", (1024, 512), (200, 100, 50))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    rendition = sandbox.sniff_normalise(buffer.getvalue(), name_hint="a.png").rendition
    spec = TensorSpec(longest_side=224)
    (array,) = sandbox.tensors(rendition, media_type="image/webp", spec=spec)
    assert (array.shape, array.dtype) == ((112, 224, 3), np.uint8)
    assert np.abs(array.astype(int) - (200, 100, 50)).max() < 8
    array[0, 0] = 0  # The caller owns it.


def test_what_is_no_rendition_is_refused(sandbox):
    with pytest.raises(ValueError, match="image/svg"):
        sandbox.tensors(b"<svg/>", media_type="image/svg+xml", spec=TensorSpec())
    for media_type in ("image/webp", "audio/ogg"):
        with pytest.raises(DecodeError):
            sandbox.tensors(b"RIFFnonsense", media_type=media_type, spec=TensorSpec())
