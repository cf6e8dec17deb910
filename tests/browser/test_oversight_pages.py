"""Search audit, disclosure, records of processing, an access request and one's own traces.

In a browser, by mouse and keyboard; what the walk through the console does not see is looked at
here at 1280 and 390 px.
"""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from audit.models import SearchRecord
from audit.subjects import subject_create
from retrieval import scope
from retrieval.subject_models import AssetSubject
from tests.browser.conftest import log_in, screenshot
from tests.factories import PASSWORD, grant, make_asset, make_collection, make_user
from tests.retrieval.api.test_search_audit import hit, searched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REASON = "A complaint of 3 March says what was found here"


@pytest.fixture
def house(world):
    """Ada searches Town photos, which Stella governs; Gwen and Gus are governors."""
    ada = make_user("ada", password=PASSWORD)
    for name in ("gwen", "gus"):
        make_user(name, password=PASSWORD, is_staff=True, is_governor=True)
    stella = make_user("stella", password=PASSWORD, is_staff=True)
    mine, other = make_collection("Town photos"), make_collection("Secrets")
    grant(mine, ada)
    grant(mine, stella, "steward")
    first = searched(ada, [mine.pk], [hit(mine.pk, confidence=0.93)])
    searched(ada, [mine.pk, other.pk], [hit(other.pk, model="clip@2")])
    SearchRecord.objects.exclude(pk=first.pk).update(at=timezone.now() - timedelta(hours=3))
    return {"first": first, "mine": mine, "ada": ada}


def switch(visit, name: str) -> None:
    visit.context.clear_cookies()
    log_in(visit, name)


def both_widths(visit, name: str) -> None:
    """Pictures at both widths; a page is never wider than its window."""
    for width in (1280, 390):
        visit.set_viewport_size({"width": width, "height": 900})
        assert visit.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        screenshot(visit, f"{name}-{width}")
    visit.set_viewport_size({"width": 1280, "height": 900})


def test_a_query_is_asked_for_decided_by_another_read_and_told_to_the_searcher(visit, house):
    log_in(visit, "stella")
    visit.goto("/console/audit/searchrecord/")
    visit.get_by_text("Who searched where").wait_for()
    assert visit.locator("#result_list tbody tr").count() == 2
    visit.goto("/console/audit/searchrecord/?sure=high")
    assert visit.locator("#result_list tbody tr").count() == 1
    visit.goto(f"/console/audit/searchrecord/{house['first'].pk}/change/")
    visit.get_by_role("link", name="Ask to read the query").click()
    visit.get_by_label("Why it must be known what was asked").fill(REASON)
    visit.keyboard.press("Tab")
    visit.get_by_role("button", name="See what it would touch").press("Enter")
    visit.get_by_text("The searcher sees in the own traces").wait_for()
    visit.get_by_role("button", name="Ask for it").press("Enter")
    visit.get_by_text("Somebody else decides.").wait_for()
    switch(visit, "gus")
    visit.goto("/console/audit/disclosure/")
    visit.locator("#result_list tbody a").first.click()
    visit.get_by_role("link", name="Approve").click()
    visit.get_by_role("button", name="Let it be read").click()
    visit.get_by_text("Approved, for 15 minutes.").wait_for()
    switch(visit, "stella")
    visit.goto("/console/audit/disclosure/")
    visit.locator("#result_list tbody a").first.click()
    visit.get_by_role("link", name="Read it").click()
    visit.get_by_text("words that nobody may read here").wait_for()
    both_widths(visit, "disclosed")
    switch(visit, "ada")
    visit.get_by_role("link", name="My traces").click()
    both_widths(visit, "traces")
    visit.get_by_role("link", name="Others reading your queries").click()
    line = visit.locator("tbody tr").first
    assert "Somebody read what you had asked" in line.inner_text()
    assert REASON in line.inner_text()
    assert "steward" in line.inner_text()
    assert "stella" not in visit.content()
    both_widths(visit, "traces-disclosures")
    assert visit.errors == []


def test_what_is_missing_is_said_and_the_record_is_taken_out(visit, house):
    log_in(visit, "gwen")
    visit.goto("/console/processing/")
    visit.get_by_role("heading", name="Missing").wait_for()
    visit.get_by_role("link", name="Say what is missing").click()
    visit.get_by_label("Controller", exact=True).fill("Town Archive")
    visit.get_by_role("button", name="See what it would touch").click()
    visit.get_by_role("button", name="Record it").click()
    visit.get_by_text("The documents say it from now on.").wait_for()
    with visit.expect_download() as taken:
        visit.get_by_role("link", name="The record as HTML").click()
    path = Path(taken.value.path())
    assert "Town Archive" in path.read_text()
    page = visit.context.new_page()
    page.set_content(path.read_text())
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        screenshot(page, f"record-of-processing-{width}")
    page.close()
    assert visit.errors == []


def test_a_request_for_access_is_answered_with_a_page_that_opens_anywhere(visit, house, tmp_path):
    with scope.system():
        subject = subject_create(by=None, identifier="mira@example.org").subject
    asset = make_asset(house["mine"], rendition=b"Dear <PERSON>", title="A letter")
    with scope.system():
        AssetSubject.objects.create(asset=asset, subject=subject.pk, via="console")
    searched(house["ada"], [house["mine"].pk], [])
    log_in(visit, "gwen")
    visit.goto(f"/console/access-requests/{subject.pk}/")
    with visit.expect_download() as taken:
        visit.get_by_role("button", name="Make and download it").click()
    packed = Path(taken.value.path()).read_bytes()
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    visit.goto("/console/access-requests/")
    page = visit.context.new_page()
    page.goto(f"file://{tmp_path}/index.html")
    assert "mira@example.org" in page.content()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        screenshot(page, f"access-archive-{width}")
    page.get_by_role("link", name="rendition, redacted").click()
    assert page.url.endswith("rendition.txt")
    page.close()
    assert visit.errors == []
