"""More taken out of renditions of our own, by the real server and its sandbox."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retrieval.redaction.base import Finding
from retrieval.redaction.errors import RedactionRefused
from retrieval.redaction.types import TensorSpec
from tests.workers.redaction_server.test_redaction_server import prepare, sound

pytestmark = pytest.mark.timeout(240)


def drawn(**place):
    return Finding(kind="DRAWN", score=1.0, recognizer="steward", **place)


def test_a_text_loses_what_was_drawn(client):
    written = b"Zorblax paid by 4111 1111 1111 1111.\n\nThen Zorblax left."
    made = prepare(client, written, name="a.txt", profile="open")
    text = made.rendition.decode()
    at = text.rindex("Zorblax")
    amended = client.amend(
        made.rendition,
        media_type=made.media_type,
        regions=[drawn(start=0, end=7), drawn(start=at, end=at + 7), drawn()],
        profile="open",
    )
    assert amended.rendition.decode() == (
        "<DRAWN_1> paid by <CREDIT_CARD_1>.\n\nThen <DRAWN_1> left."
    )
    assert [(one.start, one.end) for one in amended.edits] == [(0, 7), (at, at + 7)]
    assert [one.text for one in amended.segments] == [amended.rendition.decode()]
    assert amended.thumbnail.startswith(b"RIFF")
    assert amended.thumbnail != made.thumbnail


def test_a_picture_is_filled_and_nothing_else_of_it_changes(client):
    picture = Image.new("RGB", (320, 200), (226, 232, 240))
    ImageDraw.Draw(picture).ellipse((200, 60, 260, 140), fill=(20, 120, 60))
    out = io.BytesIO()
    picture.save(out, "PNG")
    made = prepare(client, out.getvalue(), name="a.png", profile="open")
    amended = client.amend(
        made.rendition,
        media_type=made.media_type,
        regions=[drawn(box=(190, 50, 80, 100)), drawn(box=(300, 180, 90, 90))],
        profile="open",
    )
    spec = TensorSpec(longest_side=320)
    before, after = (
        client.tensors(one, media_type="image/webp", spec=spec)[0].astype(int)
        for one in (made.rendition, amended.rendition)
    )
    assert before.shape == after.shape == (200, 320, 3)
    filled = after[52:148, 192:268]
    assert np.ptp(filled.reshape(-1, 3), axis=0).max() < 12
    assert np.abs(filled - (20, 120, 60)).sum(axis=-1).min() > 60
    assert np.abs(after[:40, :180] - before[:40, :180]).max() < 12
    assert [one.kind for one in amended.segments] == ["whole"]
    assert amended.thumbnail.startswith(b"RIFF")


def test_a_sound_is_silent_where_it_was_drawn(client):
    made = prepare(client, sound(4.0), name="a.wav", profile="open")
    amended = client.amend(
        made.rendition,
        media_type=made.media_type,
        regions=[drawn(start_ms=1000, end_ms=2000)],
        profile="open",
        segments=False,
    )
    windows = ((1100, 1900), (2500, 3500))
    spec = TensorSpec(sample_rate=16_000, windows_ms=windows)
    silent, heard = client.tensors(amended.rendition, media_type="audio/ogg", spec=spec)
    assert np.abs(silent).max() < 0.01 < np.abs(heard).max()
    assert amended.segments is None


def test_on_an_array_nothing_can_be_drawn(client):
    with pytest.raises(RedactionRefused) as refused:
        client.amend(b"x", media_type="application/x-npy", regions=[], profile="standard")
    assert refused.value.code == "not-drawable"


def test_what_is_no_rendition_is_refused(client):
    with pytest.raises(RedactionRefused):
        client.amend(b"no picture", media_type="image/webp", regions=[], profile="standard")
