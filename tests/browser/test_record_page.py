"""The page of a recorded search: signals in words, the map of a hit, replay, and why not."""

from __future__ import annotations

import io

import pytest
from django.utils import timezone
from PIL import Image

from audit.models import SearchRecord
from retrieval import scope
from retrieval.models import Collection
from tests.browser.conftest import log_in, screenshot
from tests.factories import PASSWORD, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def record(visit, reader, world, monkeypatch):
    """Ada's search for a bear, on its page; maps are drawn in plain orange."""
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), (240, 110, 0)).save(buffer, "PNG")
    monkeypatch.setattr(world.redaction, "overlay", lambda *_, **__: buffer.getvalue())
    answer = world.ask(reader)
    log_in(visit)
    visit.goto(f"/searches/{answer.search_id}/")
    visit.get_by_role("heading", name="Audit record").wait_for()
    return answer


def test_a_hit_says_why_and_shows_where(visit, record):
    first = visit.locator(".explained > li").first
    assert "are 0.90 alike in the space “fake” (fake@1)" in first.inner_text()
    assert first.get_by_role("img", name="Confidence 90 %; a match from 50 % on").count() == 1
    text = visit.locator(".explained > li").nth(1)
    text.get_by_text("What in it carries the match").click()
    drawn = text.get_by_role("img", name="The text, with the words that carry the match shaded")
    drawn.wait_for()
    assert "most: 0" in drawn.get_attribute("alt")
    text.get_by_text("What was recorded").click()
    assert "compared with every one permitted" in text.inner_text()
    screenshot(visit, "record")
    assert visit.errors == []


def test_whether_it_is_still_the_same_is_said(visit, record, reader, world):
    ask = visit.get_by_role("button", name="Does the same search still give this?")
    ask.click()
    visit.get_by_text("gives the same 2 hits in the same order").wait_for()
    SearchRecord.objects.update(kept_until=timezone.now())
    visit.reload()
    assert ask.count() == 0
    assert visit.get_by_text("What in it carries the match").count() == 0
    assert "not kept any more" in visit.locator(".facts").first.inner_text()
    assert visit.errors == []


def test_why_not_something_else(visit, record, reader, world):
    with scope.system():
        mine = Collection.objects.get(name="Town photos")
    far = world.put(mine, world.vector("bear", near=0.2), title="A far tree")
    visit.get_by_label("An asset that you may read").fill(f"https://here/assets/{far.pk}/")
    visit.get_by_role("button", name="Why is it not here?").click()
    visit.get_by_text("It became what it is after the search had been answered.").wait_for()
    visit.get_by_label("An asset that you may read").fill("no id at all")
    visit.get_by_role("button", name="Why is it not here?").click()
    visit.get_by_text("Paste the address of an asset's page, or its id.").wait_for()
    screenshot(visit, "why-not")


def test_a_governor_sees_the_record_and_no_tools_of_the_searcher(visit, record):
    make_user("gwen", password=PASSWORD, is_governor=True)
    visit.get_by_role("button", name="Log out").click()
    log_in(visit, "gwen")
    visit.goto(f"/searches/{record.search_id}/")
    assert visit.get_by_text("is no longer yours to see").count() == 2
    assert visit.get_by_role("button", name="Does the same search still give this?").count() == 0
    assert "bear" not in visit.locator("main").inner_text()
