"""Parts of a picture are filled inside the sandbox; nothing of them stays, the rest does."""

import io

import numpy as np
import pytest
from PIL import Image

from workers.sandbox import MAX_POLYGONS, DecodeError


def rendition(width: int = 200, height: int = 120) -> bytes:
    across = np.linspace(80, 220, width, dtype=np.uint8)
    image = Image.fromarray(np.dstack([np.tile(across, (height, 1))] * 3))
    out = io.BytesIO()
    image.save(out, "WEBP", quality=90)
    return out.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_boxes_and_polygons_are_filled_and_the_rest_stays(sandbox):
    before = rendition()
    painted = sandbox.paint(
        before, boxes=[(20, 20, 40, 30)], polygons=[[(100, 60), (160, 60), (190, 110), (100, 110)]]
    )
    shown = pixels(painted.rendition)
    assert shown.shape == (120, 200, 3)
    assert shown[24:46, 24:56].max() < 40
    assert shown[70:100, 105:140].max() < 40
    untouched = np.abs(shown - pixels(before))[:, :16]
    assert untouched.max() < 12
    assert painted.thumbnail_type == "image/webp"
    assert pixels(painted.thumbnail)[24:46, 24:56].max() < 40


def test_what_reaches_over_the_edge_is_filled_up_to_it(sandbox):
    shown = pixels(sandbox.paint(rendition(), boxes=[(-50, -50, 5_000, 5_000)]).rendition)
    assert shown.max() < 40


def test_too_many_parts_are_refused(sandbox):
    with pytest.raises(ValueError, match="at most"):
        sandbox.paint(rendition(), boxes=[(0, 0, 1, 1)] * (MAX_POLYGONS + 1))


def test_as_many_parts_as_are_allowed_fit_into_a_job(sandbox):
    polygon = [(-2048, 1999), (2048, 1999), (2048, 2047), (-2048, 2047)]
    assert sandbox.paint(rendition(), polygons=[polygon] * MAX_POLYGONS).rendition


def test_what_is_no_picture_is_refused(sandbox):
    with pytest.raises(DecodeError):
        sandbox.paint(b"RIFF____WEBPnonsense", boxes=[(0, 0, 5, 5)])
