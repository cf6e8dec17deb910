"""Every page of the console, in a browser, for everybody: opens, fits, shows nobody else's.

The addresses are read from the site itself. Screenshots at 1280 and 390 px lie in
``build/screenshots/console``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from retrieval.selectors.remembered import forget
from tests.browser.conftest import SCREENSHOTS, log_in
from tests.browser.console_world import Address, Organisation, addresses, organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FOLDER = SCREENSHOTS / "console"
WIDE, NARROW = 1280, 390
# Mostly refused, which a client finds out sooner than a browser.
SELDOM = ("_add", "_delete", "_export", "_decide")
# What needs more than an organisation has at first; each has a test of its own, or a file.
CLOSED = {
    "audit_ledgerpending_change",  # there for a second
    "retrieval_idempotencykey_change",  # there for a day after a repeated request
    "audit_disclosure_query",  # needs a second person before
    "audit_erasurerequest_review",  # needs a candidate
    "audit_erasurerequest_receipt",  # a file
    "retrieval_evaluationrun_over_time",  # needs several runs: test_evaluation_pages
    "retrieval_redactionprofile_version",  # of a profile made here: test_profiles_page
    "retrieval_evaluationtask_withdraw",  # needs a POST
}
# What a page may answer where it is not for the visitor, is sent to, or needs a POST.
FINE = {200, 302, 403, 404, 405}


@pytest.fixture
def everybody(world) -> Iterator[Organisation]:
    forget()
    yield organisation()
    forget()


def opened(made: Organisation, who: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(getattr(made, who))
    return client


def shoot(page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)


def test_every_page_answers_everybody_and_tells_nobody_what_is_not_theirs(everybody):
    wrong, told = [], []
    for who in ("steward", "operator", "outsider"):
        client = opened(everybody, who)
        for one in addresses(everybody):
            answer = client.get(one.path)
            if answer.status_code not in FINE:
                wrong.append(f"{who} {one.name}: {answer.status_code}")
            if answer.status_code == 200:
                text = answer.getvalue().decode(errors="replace")
                told += [f"{who} {one.name}: {word}" for word in everybody.hidden if word in text]
                told += [f"{who} opened {one.name}"] if who == "outsider" else []
    assert not wrong, "\n".join(wrong)
    assert not told, "\n".join(told)


@pytest.mark.timeout(400)  # a hundred pages, each at two widths, on a busy machine
def test_every_page_of_a_governor_fits_both_widths(visit, everybody):
    asked, missing = [], []
    visit.on("request", lambda request: asked.append(request.url))
    visit.on("response", lambda one: missing.append(one.url) if one.status >= 400 else None)
    log_in(visit, "gwen")
    client = opened(everybody, "governor")
    problems: list[str] = []
    for one in addresses(everybody):
        if not one.name.endswith(SELDOM) or client.get(one.path).status_code == 200:
            problems += look(visit, one)
    assert not problems, "\n".join(problems)
    here = visit.url.split("/console/")[0]
    assert [url for url in missing if "/static/" in url] == []
    assert {url for url in asked if not url.startswith((here, "data:", "blob:"))} == set()


def look(visit, one: Address) -> list[str]:
    """Both widths of a page, kept as pictures; what is wrong with them."""
    from playwright.sync_api import Error

    visit.set_viewport_size({"width": WIDE, "height": 900})
    try:
        answer = visit.goto(one.path)
    except Error as error:  # a file: tests of its own look into it
        return [] if "Download is starting" in error.message else [f"{one.name}: {error.message}"]
    if answer.status != 200 or answer.request.redirected_from is not None:
        seldom = one.name.endswith(SELDOM) or one.name in CLOSED
        return [] if seldom else [f"{one.name} does not open: {answer.status}"]
    if visit.locator("#content").count() == 0:
        return []  # a page to print, or none of the console
    shoot(visit, f"{one.name}-{WIDE}")
    problems = checked(visit, f"{one.name} at {WIDE}")
    visit.set_viewport_size({"width": NARROW, "height": 844})
    shoot(visit, f"{one.name}-{NARROW}")
    return problems + checked(visit, f"{one.name} at {NARROW}")


LOOKED_AT = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const shown = (one) => one.getClientRects().length > 0;
  const named = (one) => one.labels?.length || one.getAttribute("aria-label") ||
    one.getAttribute("aria-labelledby") || one.title || one.textContent.trim() || one.value;
  const content = document.getElementById("content");
  const nameless = [...content.querySelectorAll("a[href], button, input, select, textarea")]
    .filter((one) => shown(one) && one.type !== "hidden" && !named(one))
    .map((one) => one.outerHTML.slice(0, 90));
  const mouseOnly = [...document.querySelectorAll("[x-on\\\\:click]")]
    .filter((one) => shown(one) && one.tabIndex < 0).map((one) => one.outerHTML.slice(0, 90));
  return {wide, nameless, mouseOnly, headings: document.querySelectorAll("h1").length};
}"""


def checked(visit, where: str) -> list[str]:
    """What is wrong with the page as it is now."""
    seen = visit.evaluate(LOOKED_AT)
    # That a page did not load is logged a moment later; a style or script has a file's name.
    logged = [line for line in visit.errors if "Failed to load resource" not in line]
    problems = [f"{where}: logs {line}" for line in logged]
    visit.errors.clear()
    if seen["wide"] > 0:
        problems.append(f"{where}: scrolls sideways by {seen['wide']} px")
    if seen["headings"] != 1:
        problems.append(f"{where}: {seen['headings']} first headings")
    problems += [f"{where}: without a name: {one}" for one in seen["nameless"]]
    return problems + [f"{where}: for a mouse alone: {one}" for one in seen["mouseOnly"]]
