from __future__ import annotations

import pytest

from retrieval.models import Collection
from tests.browser.conftest import log_in, screenshot
from tests.factories import PASSWORD, grant, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def search(page, words: str) -> None:
    page.get_by_label("Describe a picture, a sound or a text").fill(words)
    page.get_by_role("button", name="Search", exact=True).click()


def test_a_wrong_password_is_refused_in_words(visit, reader):
    visit.goto("/")
    screenshot(visit, "log-in")
    visit.get_by_label("Username").fill("ada")
    visit.get_by_label("Password").fill("not the password")
    visit.get_by_role("button", name="Log in").click()
    visit.get_by_role("alert").wait_for()
    assert visit.get_by_role("button", name="Log out").count() == 0


def test_a_search_shows_what_may_be_seen_and_why(visit, reader):
    log_in(visit)
    search(visit, "bear")
    visit.get_by_role("heading", name="2 matches").wait_for()
    assert visit.get_by_role("link", name="A bear in the grass").count() >= 1
    assert "hidden bear" not in visit.content()
    visit.get_by_text("Why this").first.click()
    assert "lie 0.9 alike in the space" in visit.locator(".hit details").first.inner_text()
    screenshot(visit, "search")
    visit.get_by_role("link", name="audit record").click()
    visit.get_by_role("heading", name="Audit record").wait_for()
    assert "bear" in visit.locator(".facts").first.inner_text()
    visit.get_by_role("link", name="My searches").click()
    assert visit.get_by_role("link", name="Record").count() == 1


def test_no_confident_match_is_said_and_uncertain_hits_come_when_asked_for(visit, reader):
    log_in(visit)
    search(visit, "quarterly figures")
    visit.get_by_role("heading", name="No confident match").wait_for()
    assert visit.locator(".hit").count() == 0
    visit.get_by_role("button", name="Show uncertain hits").click()
    visit.locator(".hit").first.wait_for()
    assert visit.locator(".tag.uncertain").count() == visit.locator(".hit").count()


def test_whoever_was_granted_nothing_is_told_so(visit, reader):
    make_user("finn", password=PASSWORD)
    log_in(visit, "finn")
    assert visit.get_by_role("heading", name="Nothing is shared with you yet").count() == 1
    search(visit, "bear")
    visit.get_by_role("heading", name="No confident match").wait_for()
    assert visit.locator(".hit").count() == 0


def test_an_upload_is_followed_until_it_can_be_found(visit, reader, inline_stages, tmp_path):
    from retrieval import scope

    with scope.system():
        grant(Collection.objects.get(name="Town photos"), reader, "contributor")
    file = tmp_path / "note.txt"
    file.write_text("Write to mira@example.org about the bear")
    log_in(visit)
    visit.get_by_role("link", name="Upload").click()
    visit.get_by_label("Choose files, or drop them here").set_input_files(file)
    visit.get_by_role("button", name="Upload").click()
    visit.locator(".state.received").wait_for()
    assert "until a steward sets a period" in visit.locator("#rows").inner_text()
    inline_stages()
    visit.locator(".state.searchable").wait_for()
    assert "EMAIL_ADDRESS" in visit.locator("#rows").inner_text()
    screenshot(visit, "upload")
    visit.locator("#rows a").click()
    visit.get_by_role("heading", name="Provenance").wait_for()
    assert "mira@example.org" not in visit.content()
    assert "<EMAIL_ADDRESS_1> about the bear" in visit.locator("pre").inner_text()
    screenshot(visit, "asset")


def test_pages_fit_a_phone(visit, reader):
    visit.set_viewport_size({"width": 390, "height": 844})
    log_in(visit)
    search(visit, "bear")
    visit.locator(".hit").first.wait_for()
    assert visit.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(visit, "search-390")


def test_a_searcher_does_not_enter_the_console(visit, reader):
    log_in(visit)
    assert visit.get_by_role("link", name="Console").count() == 0
    visit.goto("/console/retrieval/asset/")
    assert "hidden bear" not in visit.content()
    assert visit.locator("#result_list").count() == 0
