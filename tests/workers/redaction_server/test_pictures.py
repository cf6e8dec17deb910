"""Pictures and pictures of pages through the whole server: what is written in them goes."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval.redaction.errors import RedactionRefused

pytestmark = pytest.mark.timeout(240)

MAIL, CARD = "ann.lee@example.org", "4111 1111 1111 1111"


def sheet(*lines: str) -> Image.Image:
    image = Image.new("RGB", (560, 60 + 50 * len(lines)), (250, 250, 245))
    font = ImageFont.load_default(24)
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((30, 30 + 50 * row), line, font=font, fill=(20, 20, 30))
    return image


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def prepare(client, data, name):
    return client.prepare([data], name=name, title="", profile="standard")


def written(made) -> str:
    return "\n".join(one.text for one in made.segments if one.modality == "text")


def test_writing_in_a_picture_is_filled_and_becomes_redacted_text(client):
    made = prepare(client, saved(sheet(f"Mail {MAIL}", "Open from nine"), "PNG"), "a.png")
    (finding,) = [one for one in made.findings if one.kind == "EMAIL_ADDRESS"]
    x, y, width, height = finding.box
    pixels = np.asarray(Image.open(io.BytesIO(made.rendition)).convert("RGB"))
    inner = pixels[y + 6 : y + height - 6, x + 6 : x + width - 6]
    assert inner.max() < 60
    assert pixels[80:110, 30:200].min() < 90  # the other line is there as it was
    assert made.modality == "image"
    assert "EMAIL_ADDRESS" in written(made)
    assert "Open from nine" in written(made)
    assert MAIL not in written(made)
    assert not client.verify(made.rendition, media_type="image/webp", profile="standard").reason


def test_a_large_picture_says_how_many_pixels_of_it_are_one(client):
    wide = saved(Image.new("RGB", (2560, 40), "navy"), "PNG")
    made = prepare(client, wide, "wide.png")
    assert (made.width, made.scale) == (2048, 1.25)


def test_the_second_look_sees_what_is_left_in_a_picture(client):
    left = saved(sheet(f"Card {CARD}"), "WEBP", quality=90)
    verdict = client.verify(left, media_type="image/webp", profile="standard")
    assert verdict.reason == "redaction-incomplete"
    assert "CREDIT_CARD" in verdict.kinds


def test_a_scan_becomes_redacted_text(client):
    pages = [sheet(f"Write to {MAIL}", "about the garden"), sheet(f"Paid with {CARD}")]
    scan = saved(pages[0], "PDF", save_all=True, append_images=pages[1:])
    made = prepare(client, scan, "scan.pdf")
    text = made.rendition.decode()
    assert made.modality == "text"
    assert "about the garden" in text
    assert "<EMAIL_ADDRESS_1>" in text
    assert "<CREDIT_CARD_1>" in text
    assert "@" not in text
    assert {one.page for one in made.findings} == {1, 2}
    assert {one.page for one in made.segments} == {1, 2}


def test_pages_of_a_tiff_become_text_and_photographs_stay_pictures(client):
    pages = [sheet("Minutes of the meeting", "in the garden room"), sheet(f"Mail {MAIL}")]
    many = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    made = prepare(client, many, "fax.tiff")
    assert made.modality == "text"
    assert "garden room" in made.rendition.decode()
    assert MAIL not in made.rendition.decode()
    plain = [Image.new("RGB", (90, 90), colour) for colour in ("white", "green")]
    made = prepare(client, saved(plain[0], "TIFF", save_all=True, append_images=plain[1:]), "a.tif")
    assert made.modality == "image"
    assert "further-frames" in made.metadata_removed


def test_pictures_in_a_word_file_are_read(client):
    body = "<w:p><w:r><w:t>See the picture.</w:t></w:r></w:p>"
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>',
        )
        archive.writestr("word/media/image1.png", saved(sheet(f"Mail {MAIL}", "is new"), "PNG"))
        archive.writestr("word/media/image2.emf", b"a drawing that nobody reads")
    text = prepare(client, out.getvalue(), "a.docx").rendition.decode()
    assert "See the picture." in text
    assert "is new" in text
    assert "<EMAIL_ADDRESS_1>" in text


def test_a_scan_in_which_nothing_can_be_read_waits_for_a_human(client):
    empty = saved(Image.new("RGB", (300, 300), "white"), "PDF")
    with pytest.raises(RedactionRefused) as caught:
        prepare(client, empty, "empty.pdf")
    assert (caught.value.code, caught.value.disposition) == ("no-text-layer", "quarantined")
