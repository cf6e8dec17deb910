"""Pictures in the redaction server, with a redactor and a painter that do as they are told."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from retrieval.redaction.base import Finding, ImageFindings
from retrieval.redaction.errors import RedactionError
from retrieval.redaction.placeholders import Numbering
from retrieval.redaction.profiles import OPEN, STANDARD
from workers.redaction_server import sheets
from workers.redaction_server.images import Images
from workers.redaction_server.sheets import Sheets
from workers.sandbox import DecodeError, Limits, Normalised
from workers.sandbox.types import MAX_POLYGONS, Painted, Sheet

FACE = Finding(kind="FACE", score=0.9, recognizer="fake", box=(1, 2, 3, 4))
SQUARE = ((1, 2), (4, 2), (4, 6), (1, 6))


@dataclass
class FakePictures:
    """Finds what it was given, for every picture."""

    found: ImageFindings = field(default_factory=ImageFindings)
    error: Exception | None = None
    name: str = "fake"
    version: str = "1"

    def find(self, pixels, *, profile, book=None, again=False):
        del profile, book, again
        assert pixels.dtype == np.uint8
        if self.error is not None:
            raise self.error
        return self.found


class FakePainter:
    """Hands out white pixels and says what was painted."""

    def tensors(self, rendition, *, media_type, spec, limits=None):
        del rendition, media_type, spec, limits
        return [np.full((8, 8, 3), 255, np.uint8)]

    def paint(self, rendition, *, polygons, limits=None):
        del limits
        return Painted(rendition + b"+%d" % len(polygons), b"small", "image/webp")

    def pictures(self, source, *, source_type, first, count, limits=None):
        del source, source_type, limits
        return [
            Sheet(at + 1, np.full((8, 8, 3), 255, np.uint8)) for at in range(first, first + count)
        ]


def picture(**more) -> Normalised:
    return Normalised(
        modality="image",
        source_type="image/png",
        media_type="image/webp",
        rendition=b"as it was",
        thumbnail=b"thumb",
        thumbnail_type="image/webp",
        **more,
    )


def redacted(found: ImageFindings, profile=STANDARD):
    images = Images(FakePainter(), FakePictures(found))
    return images.redact(picture(), profile=profile, book=Numbering())


def test_a_picture_in_which_nothing_is_found_is_not_written_anew():
    parts = redacted(ImageFindings())
    assert (parts.rendition, parts.thumbnail) == (b"as it was", b"thumb")
    assert [segment.kind for segment in parts.segments] == ["whole"]


def test_findings_are_painted_and_writing_becomes_a_text_segment():
    parts = redacted(ImageFindings(findings=(FACE,), polygons=(SQUARE,), text="Open at nine"))
    assert parts.rendition == b"as it was+1"
    assert parts.thumbnail == b"small"
    assert parts.findings == (FACE,)
    assert [(one.modality, one.text) for one in parts.segments] == [
        ("", ""),
        ("text", "Open at nine"),
    ]


@pytest.mark.parametrize(
    "found",
    [
        ImageFindings(unreadable=True),
        ImageFindings(findings=(FACE,), polygons=(SQUARE,) * (MAX_POLYGONS + 1)),
    ],
)
def test_what_cannot_be_read_or_filled_waits_for_a_human(found):
    with pytest.raises(DecodeError) as caught:
        redacted(found)
    assert (caught.value.code, caught.value.disposition) == ("picture-unreadable", "quarantined")


def test_a_redactor_that_fails_lets_nothing_through():
    images = Images(FakePainter(), FakePictures(error=RedactionError("broken")))
    with pytest.raises(RedactionError):
        images.redact(picture(), profile=STANDARD, book=Numbering())
    with pytest.raises(RedactionError):
        images.verify(picture(), profile=STANDARD)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (ImageFindings(), ""),
        (ImageFindings(findings=(FACE,)), "redaction-incomplete"),
        (ImageFindings(unreadable=True), "picture-unreadable"),
    ],
)
def test_the_second_look_says_what_is_left_and_why(found, reason):
    verdict = Images(FakePainter(), FakePictures(found)).verify(picture(), profile=STANDARD)
    assert (verdict.findings, verdict.reason) == (found.findings, reason)


def read(count: int, found: ImageFindings, profile=STANDARD):
    reader = Sheets(FakePainter(), FakePictures(found))
    media = picture(sheets=tuple(range(1, count + 1)))
    return reader.read(media, b"", profile=profile, book=Numbering(), limits=Limits())


def test_every_page_is_read_and_findings_say_on_which():
    result = read(6, ImageFindings(findings=(FACE,), text="Open at nine"))
    assert [finding.page for finding in result.findings] == [1, 2, 3, 4, 5, 6]
    assert result.of(4) == "Open at nine"
    assert result.of(None) == ""
    assert result.is_document


def test_more_pages_than_are_read_wait_for_a_human(monkeypatch):
    with pytest.raises(DecodeError) as caught:
        read(sheets.MAX_READ + 1, ImageFindings())
    assert caught.value.code == "too-many-pages-to-read"
    monkeypatch.setattr(sheets, "_SECONDS", -1.0)
    with pytest.raises(DecodeError) as caught:
        read(1, ImageFindings())
    assert (caught.value.code, caught.value.disposition) == (
        "too-many-pages-to-read",
        "quarantined",
    )


def test_unreadable_pages_wait_and_specks_are_no_text():
    with pytest.raises(DecodeError):
        read(1, ImageFindings(unreadable=True))
    assert not read(3, ImageFindings(text=".x")).is_document
    assert OPEN.image.text == "redact"  # pictures of pages are read under every shipped profile
