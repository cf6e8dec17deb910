"""A steward goes through the queue in a real browser: box, selection, time, decision."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from audit.models import LedgerPending
from retrieval import media, scope
from retrieval.models import Asset, Segment
from retrieval.redaction.base import Finding
from retrieval.review_models import Review
from tests.browser.conftest import log_in, screenshot
from tests.factories import PASSWORD, grant, make_asset, make_collection, make_review, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = "Dear <PERSON_1>, \U0001f600 please call me.\nYours, Dr Ada Vandermeer\n"
WIDTH, HEIGHT = 640, 400


def webp(draw) -> bytes:
    picture = Image.new("RGB", (WIDTH, HEIGHT), (226, 232, 240))
    draw(ImageDraw.Draw(picture))
    out = io.BytesIO()
    picture.save(out, "WEBP")
    return out.getvalue()


def card(pen) -> None:
    pen.rectangle((60, 60, 580, 340), fill=(250, 250, 245), outline=(90, 90, 90))
    pen.rectangle((90, 100, 330, 130), fill=(0, 0, 0))
    pen.text((90, 170), "Badge of a visitor, second floor", fill=(20, 20, 20), font_size=24)
    pen.ellipse((430, 110, 540, 250), fill=(222, 184, 150))


def covered_card(pen) -> None:
    card(pen)
    pen.rectangle((430, 110, 540, 250), fill=(0, 0, 0))


def waveform(pen) -> None:
    for x in range(0, WIDTH, 8):
        high = int(120 * abs(np.sin(x / 40)) + 6)
        pen.rectangle((x, HEIGHT // 2 - high, x + 5, HEIGHT // 2 + high), fill=(74, 98, 138))


def covered(asset: Asset, rendition: bytes, thumbnail: bytes) -> None:
    media.write_blob(media.Blob.REVIEW, asset.pk, rendition).publish()
    media.write_blob(media.Blob.REVIEW_THUMBNAIL, asset.pk, thumbnail).publish()


@pytest.fixture
def steward(world):
    user = make_user("ada", password=PASSWORD, is_staff=True)
    grant(make_collection("Visitors"), user, "steward")
    return user


@pytest.fixture
def assets(steward):
    """A picture, a text and a sound in quarantine, in this order, and one of somebody else's."""
    with scope.system():
        collection = steward.grants.get().collection
    picture = make_asset(
        collection,
        state="quarantined",
        modality="image",
        media_type="image/webp",
        width=WIDTH,
        height=HEIGHT,
        rendition=webp(card),
        thumbnail=webp(card),
        raw=b"IMG",
    )
    face = Finding(kind="FACE", score=0.81, recognizer="centerface", box=(430, 110, 110, 140))
    make_review(picture, remaining=(face,))
    covered(picture, webp(covered_card), webp(covered_card))
    text = make_asset(
        collection,
        state="quarantined",
        rendition=TEXT.encode(),
        thumbnail=webp(card),
        segments=(TEXT,),
        raw=b"text",
    )
    make_review(text, reason="language-unsupported", reason_detail="It is in another language.")
    sound = make_asset(
        collection,
        state="quarantined",
        modality="audio",
        media_type="audio/ogg",
        duration_ms=12_000,
        rendition=b"SND",
        thumbnail=webp(waveform),
        raw=b"SND",
    )
    voice = Finding(kind="VOICE", score=0.93, recognizer="silero", start_ms=7000, end_ms=8000)
    make_review(sound, remaining=(voice,))
    covered(sound, b"SND", webp(waveform))
    with scope.system():
        Segment.objects.create(
            asset=sound, collection=collection, modality="audio", kind="time", ordinal=0,
            start_ms=0, end_ms=10_000,
        )  # fmt: skip
    hidden = make_asset(make_collection("Theirs"), state="quarantined", rendition=b"x", raw=b"x")
    make_review(hidden, reason_detail="Nobody's business.")
    return picture, text, sound


def regions_of(asset: Asset) -> list[dict[str, object]]:
    with scope.system():
        return list(Review.objects.get(asset=asset).regions)


def drag(page, place: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """From one share of an element's width and height to another."""
    box = page.locator(place).bounding_box()
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (begin, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(sum(p[0] for p in points) / 2, sum(p[1] for p in points) / 2)
    page.mouse.move(*points[1])
    page.mouse.up()


def select(page, words: str) -> None:
    """Selects words of the text as a mouse would."""
    page.evaluate(
        """(words) => {
          const walker = document.createTreeWalker(document.querySelector("[data-stage]"), 4);
          while (walker.nextNode()) {
            const at = walker.currentNode.data.indexOf(words);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(walker.currentNode, at);
            range.setEnd(walker.currentNode, at + words.length);
            document.getSelection().removeAllRanges();
            document.getSelection().addRange(range);
          }
        }""",
        words,
    )


def in_the_picture(page, picture: Asset) -> None:
    page.locator("[data-doubt]", has_text="FACE").wait_for()
    drag(page, "[data-stage] svg", (0.1, 0.4), (0.6, 0.5))
    drag(page, "[data-stage] svg", (0.2, 0.6), (0.3, 0.7))
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Take out FACE").click()
    assert page.get_by_label("Take out what is marked").is_checked()
    screenshot(page, "review-picture")
    page.get_by_label("Reason").fill("The name is readable.")
    page.get_by_role("button", name="Decide").click()
    page.get_by_text("Redacted further").wait_for()
    drawn, face = regions_of(picture)
    assert face["box"] == [430, 110, 110, 140]
    assert np.allclose(drawn["box"], [64, 160, 320, 40], atol=3)


def in_the_text(page, text: Asset) -> None:
    page.locator("mark.done").wait_for()
    select(page, "Ada Vandermeer")
    page.locator("[data-mark]:not(:disabled)").wait_for()  # the page has heard of the selection
    page.keyboard.press("m")
    assert page.locator("mark.drawn").inner_text() == "Ada Vandermeer"
    screenshot(page, "review-text")
    page.keyboard.press("Control+Enter")
    page.locator("[data-doubt]", has_text="VOICE").wait_for()
    (span,) = regions_of(text)
    assert TEXT[span["start"] : span["end"]] == "Ada Vandermeer"


def in_the_sound(page, sound: Asset) -> None:
    drag(page, "[data-stage] svg", (0.25, 0.5), (0.5, 0.5))
    page.get_by_label("to ms").fill("6500")
    page.get_by_label("to ms").press("Tab")
    screenshot(page, "review-sound")
    page.get_by_role("button", name="Decide").click()
    page.get_by_text("Redacted further").wait_for()
    (time,) = regions_of(sound)
    assert abs(time["start_ms"] - 3000) < 60
    assert time["end_ms"] == 6500


def test_a_steward_goes_through_the_queue(visit, assets, inline_stages):
    picture, text, sound = assets
    missing: list[str] = []
    visit.on("response", lambda one: missing.append(one.url) if one.status == 404 else None)
    log_in(visit)
    visit.goto("/console/retrieval/review/")
    first = visit.get_by_text("A second look still found something.").first
    first.wait_for()
    assert "Nobody" not in visit.content()
    visit.wait_for_load_state("networkidle")
    screenshot(visit, "review-queue")
    first.click()
    in_the_picture(visit, picture)
    in_the_text(visit, text)
    in_the_sound(visit, sound)
    inline_stages()
    with scope.system():
        rows = Asset.objects.filter(collection=picture.collection)
        assert dict(rows.values_list("pk", "state")) == {a.pk: "searchable" for a in assets}
    assert b"<DRAWN_1>" in media.read_blob(media.Blob.RENDITION, text.pk)
    assert missing == []
    assert [line for line in visit.errors if "404" not in line] == []


def test_by_keyboard_and_in_the_dark(visit, assets):
    """A box of its own is moved, grown and marked without a mouse; a decision is refused in words.

    Whoever may see originals looks under the cover.
    """
    picture, _, _ = assets
    with scope.system():
        review = Review.objects.get(asset=picture)
    curator = make_user("cora", password=PASSWORD, is_staff=True)
    grant(picture.collection, curator, "steward")
    grant(picture.collection, curator, "curator", raw=True)
    visit.emulate_media(color_scheme="dark")
    log_in(visit, "cora")
    visit.goto(f"/console/retrieval/review/{review.pk}/change/")
    visit.locator("[data-stage] svg").focus()
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowRight", "Enter"):
        visit.keyboard.press(key)
    assert visit.locator("[data-regions] li").count() == 1
    visit.keyboard.press("u")
    visit.keyboard.press("t")
    visit.keyboard.press("Control+Enter")
    visit.get_by_text("Mark something first").wait_for()
    visit.get_by_label("See what is covered").fill("Is it a face?")
    visit.get_by_role("button", name="Uncover").click()
    visit.locator(".review.uncovered").wait_for()
    screenshot(visit, "review-dark")
    assert LedgerPending.objects.filter(event="review:asset:uncover").count() == 1
    visit.set_viewport_size({"width": 390, "height": 800})
    assert visit.evaluate("document.querySelector('.review').scrollWidth") <= 390
    screenshot(visit, "review-narrow")
    visit.set_viewport_size({"width": 1280, "height": 900})
    # Meanwhile somebody else has decided.
    with scope.system():
        Review.objects.filter(pk=review.pk).update(state="accepted")
    visit.keyboard.press("a")
    visit.keyboard.press("Control+Enter")
    visit.get_by_role("alert").get_by_text("It is accepted already").wait_for()
    assert [line for line in visit.errors if "409" not in line] == []
