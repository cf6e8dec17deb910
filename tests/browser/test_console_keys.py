"""The console without a mouse, and in both themes: reachable, seen where it is, readable."""

from __future__ import annotations

import pytest

from audit.hold_models import LegalHold
from retrieval import scope
from tests.browser.conftest import log_in
from tests.browser.console_world import organisation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_TABS = 90

# WCAG 2.2, 1.4.3: 4.5 to 1. A canvas turns any CSS colour into red, green and blue.
UNREADABLE = """() => {
  const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
    .getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const behind = (one) => {
    for (let up = one; up; up = up.parentElement) {
      const colour = rgba(getComputedStyle(up).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const found = new Set();
  for (const one of document.querySelectorAll("#content *")) {
    const own = [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const drawn = one.closest("svg, .material-symbols-outlined");
    if (!own || drawn || !one.getClientRects().length) continue;
    const [a, b] = [light(rgba(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(`${ratio.toFixed(1)}: ${one.outerHTML.slice(0, 110)}`);
  }
  return [...found];
}"""


def press_until(page, wanted: str) -> None:
    """Tab until the element ``wanted`` has the focus; each on the way shows that it has it."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; }"
        )
        assert shown, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"{wanted} was not reached with {MOST_TABS} tabs")


def test_a_hold_is_placed_without_a_mouse(visit, world):
    made = organisation()
    log_in(visit, "stella")
    visit.goto("/console/")
    press_until(visit, ".vc-skip")
    visit.keyboard.press("Enter")
    assert visit.evaluate("document.activeElement.id") == "content"
    visit.goto(f"/console/audit/legalhold/place/?collection={made.examples['collection_id']}")
    press_until(visit, "textarea[name=reason]")
    visit.keyboard.type("A complaint that is being looked into")
    press_until(visit, "button.primary")
    visit.keyboard.press("Enter")
    visit.get_by_text("It is recorded, with your name.").wait_for()
    press_until(visit, "button[name=token]")
    visit.keyboard.press("Enter")
    visit.locator(".vc-page, #changelist, #content-main").first.wait_for()
    with scope.system():
        assert LegalHold.objects.filter(reason__startswith="A complaint").count() == 1
    visit.set_viewport_size({"width": 390, "height": 844})
    visit.goto("/console/")
    assert not visit.locator("#nav-sidebar").is_visible()
    press_until(visit, "[aria-label='Show or hide the menu']")
    visit.keyboard.press("Enter")
    visit.locator("#nav-sidebar").wait_for(state="visible")
    assert visit.errors == []


def test_words_stand_out_from_what_is_behind_them(visit, world):
    made = organisation()
    log_in(visit, "gwen")
    collection = made.examples["collection_id"]
    for path in (
        "",
        "retrieval/asset/",
        f"collections/{collection}/rules/",
        f"collections/{collection}/grants/new/",
        f"retrieval/collection/{collection}/change/",
        "calendar/",
    ):
        visit.goto(f"/console/{path}")
        for dark in (False, True):
            visit.evaluate(
                "(dark) => document.documentElement.classList.toggle('dark', dark)", dark
            )
            visit.wait_for_timeout(200)  # colours that change slowly have arrived
            assert visit.evaluate(UNREADABLE) == [], f"{path}, dark: {dark}"
