"""Heat over renditions, drawn by the real server in its sandbox."""

import io

import numpy as np
import pytest
from PIL import Image

from retrieval.redaction.errors import RedactionRefused
from tests.workers.redaction_server.test_redaction_server import prepare, sound

pytestmark = pytest.mark.timeout(240)


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert not image.info
        return np.asarray(image.convert("RGB")).astype(int)


def orange(area):
    """How much more red than blue there is on average."""
    return (area[..., 0] - area[..., 2]).mean()


def test_a_picture_is_warm_where_the_grid_is(client):
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), (90, 120, 90)).save(buffer, "PNG")
    made = prepare(client, buffer.getvalue(), name="a.png", profile="open")
    drawn = pixels(
        client.overlay(made.rendition, media_type=made.media_type, heat=[[255, 0], [0, 0]])
    )
    assert drawn.shape[:2] == (100, 200)
    assert orange(drawn[:30, :60]) > 100
    assert abs(orange(drawn[70:, 140:])) < 10


def test_a_sound_is_drawn_with_its_axes_low_pitches_at_the_bottom(client):
    made = prepare(client, sound(3.0), name="a.wav", profile="open")
    drawn = pixels(
        client.overlay(
            made.rendition,
            media_type=made.media_type,
            heat=[[255, 0], [0, 0]],
            window_ms=(0, 3000),
        )
    )
    height, width = drawn.shape[:2]
    assert width > height > 100
    low = drawn[height * 6 // 10 : height * 8 // 10, width // 8 : width // 3]
    high = drawn[height // 10 : height // 4, width * 6 // 10 :]
    assert orange(low) > orange(high) + 60


def test_a_text_has_its_words_on_shades(client):
    text = "A brown bear\nin Zürich — 熊 and more " * 3
    spans = [(2, 7), (8, 12)]
    warm = pixels(
        client.overlay(text.encode(), media_type="text/plain", heat=[[0, 255]], spans=spans)
    )
    cold = pixels(
        client.overlay(text.encode(), media_type="text/plain", heat=[[0, 0]], spans=spans)
    )
    assert warm.shape == cold.shape
    assert orange(warm[:60]) > orange(cold[:60]) + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"heat": []},
        {"heat": [[256]]},
        {"heat": [[1, 2], [3]]},
        {"heat": [[0] * 3000]},
        {"heat": [[1, 2]], "spans": [(0, 1)]},
        {"heat": [[1]], "media_type": "application/x-npy"},
        {"heat": [[1]], "media_type": "image/webp"},
    ],
)
def test_what_cannot_be_drawn_is_refused(client, wrong):
    with pytest.raises(RedactionRefused):
        client.overlay(b"text", **{"media_type": "text/plain", **wrong})
