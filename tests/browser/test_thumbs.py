from __future__ import annotations

import pytest

from retrieval import scope
from retrieval.feedback_models import Feedback
from retrieval.models import Collection
from retrieval.selectors.labelled import labelled_queries
from tests.browser.conftest import log_in, screenshot
from tests.browser.test_pages import search

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def said() -> list[tuple[int, bool]]:
    with scope.system():
        return list(Feedback.objects.order_by("rank").values_list("rank", "relevant"))


def test_thumbs_by_keyboard_words_when_let_and_more_like_this(visit, reader):
    log_in(visit)
    search(visit, "bear")
    first = visit.locator(".hit").first
    first.get_by_role("button", name="Right").focus()
    visit.keyboard.press("Enter")
    pressed = first.locator("[aria-pressed=true]")
    pressed.wait_for()
    assert pressed.get_attribute("aria-label") == "Right"
    assert visit.evaluate("document.activeElement.getAttribute('aria-label')") == "Right"
    assert said() == [(1, True)]
    first.get_by_role("button", name="Let stewards see my words").click()
    first.get_by_role("button", name="Hide my words again").wait_for()
    with scope.system():
        collection = Collection.objects.get(name="Town photos")
    assert [question.text for question in labelled_queries(collection.pk)] == ["bear"]
    visit.locator(".hit").nth(1).get_by_role("button", name="Wrong").click()
    visit.locator(".hit").nth(1).locator("[aria-pressed=true]").wait_for()
    first.get_by_role("button", name="Right").click()  # once more takes it back
    pressed.wait_for(state="detached")
    assert said() == [(2, False)]
    assert labelled_queries(collection.pk) == []
    screenshot(visit, "thumbs")
    first.get_by_text("More like this").click()
    first.get_by_label("And, in words").fill("grass")
    first.get_by_role("button", name="Texts").click()
    visit.get_by_text("Like “A bear in the grass”, and “grass”").wait_for()
    assert "hidden bear" not in visit.content()
    screenshot(visit, "more-like-this")
    # These assets have no pictures.
    assert [error for error in visit.errors if "410 (Gone)" not in error] == []
