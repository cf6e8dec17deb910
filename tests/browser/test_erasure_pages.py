"""An erasure in a browser: asked for, reviewed, approved by somebody else, receipted.

Pictures at 1280 and 390 px lie in ``build/screenshots/erasure``.
"""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import User
from audit.erasure_models import ErasureRequest
from audit.holds import Held, hold_place
from retrieval import queue, scope
from retrieval.services import erasure_proving
from retrieval.services.erasure_proving import erasures_prove
from retrieval.services.erasure_run import erasure_run
from retrieval.services.erasures import erasure_request
from retrieval.services.scrubbing import Scrubbed
from tests.browser.conftest import SCREENSHOTS, log_in
from tests.factories import (
    PASSWORD,
    grant,
    make_asset,
    make_collection,
    make_user,
    reloaded,
)
from tests.retrieval.erasure.scenery import held_identifier, link, make_subject

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FOLDER = SCREENSHOTS / "erasure"
ANN = "ann@example.org"


def shoot(page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=FOLDER / f"{name}-{width}.png", full_page=True)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, f"{name} at {width}"
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch, settings):
    """No worker runs here, and scrubbing has tests of its own."""
    settings.VITRINE_SECOND_PERSON = ("erasure", "hold_release", "disclosure")
    monkeypatch.setattr(queue, "enqueue_erasure", lambda **_: True)
    monkeypatch.setattr(queue, "enqueue_scrub", lambda **_: True)
    monkeypatch.setattr(erasure_proving, "scrub", lambda _: Scrubbed(log="removed"))


@pytest.fixture
def person(world):
    """With an asset of her own, one shared, one held, and one that nobody linked."""
    for name in ("gwen", "hugo"):
        make_user(name, password=PASSWORD, is_staff=True, is_governor=True)
    collection = make_collection("Portraits")
    subject = make_subject(ANN)
    assets = {
        name: link(make_asset(collection, modality="image", raw=b"x"), subject)
        for name in ("own", "shared", "held")
    }
    link(assets["shared"], make_subject("ben@example.org"))
    assets["unlinked"] = held_identifier(make_asset(collection), ANN)
    with scope.system():
        hold_place(actor=None, on=Held(asset=assets["held"].id), reason="a case")
    return subject, assets


def test_an_erasure_is_asked_for_and_reviewed(visit, person):
    subject, assets = person
    log_in(visit, "gwen")
    visit.goto(reverse("admin:audit_erasurerequest_changelist"))
    assert visit.get_by_text("Nobody has asked for an erasure.").count() == 1
    visit.get_by_role("link", name="Ask for an erasure").click()
    visit.select_option("#id_what", "subject")
    visit.fill("#id_which", str(subject.id))
    shoot(visit, "new")
    visit.get_by_role("button", name="See what it would touch").click()
    assert visit.get_by_text("about 1 other person too").count() == 1
    assert visit.get_by_text("linked; kept by a legal hold").count() == 1
    assert ANN not in visit.content()
    shoot(visit, "new-shown")
    visit.get_by_role("button", name="Ask for it").click()
    assert visit.get_by_text("it is awaiting approval").count() == 1
    visit.get_by_role("link", name="Review").first.click()
    visit.select_option("#id_decision", "include")
    visit.get_by_role("button", name="See what it would touch").click()
    shoot(visit, "review")
    visit.get_by_role("button", name="Record it").click()
    assert visit.get_by_role("heading", name="What goes: 4 assets").count() == 1
    shoot(visit, "awaiting")
    visit.get_by_role("link", name="Approve").click()
    assert visit.get_by_text("somebody else has to approve it").count() == 1
    assert visit.errors == []
    assert {reloaded(one).state for one in assets.values()} == {"searchable"}


def test_somebody_else_approves_it_and_prints_the_receipt(visit, person):
    subject, assets = person
    request = erasure_request(by=User.objects.get(username="gwen"), subject_id=subject.id)
    log_in(visit, "hugo")
    visit.goto(reverse("admin:audit_erasurerequest_approve", args=[request.id]))
    assert visit.get_by_text("1 are not reviewed yet").count() == 1
    shoot(visit, "approve")
    visit.get_by_role("button", name="Approve it").click()
    assert visit.get_by_text("has begun").count() == 1
    erasure_run(request_id=request.id)
    erasures_prove()
    visit.reload()
    assert visit.get_by_text("partial", exact=True).count() == 1
    shoot(visit, "held")
    visit.get_by_role("link", name="Print the receipt").click()
    receipt = visit.locator("#receipt").inner_text()
    assert "what a legal hold keeps" in receipt
    assert "originals" in receipt
    shoot(visit, "receipt")
    visit.goto(reverse("admin:audit_erasurerequest_changelist"))
    shoot(visit, "list")
    states = {name: reloaded(one).state for name, one in assets.items()}
    kept = {name for name, state in states.items() if state == "searchable"}
    assert kept == {"held", "unlinked"}
    assert visit.errors == []


def test_a_steward_sees_those_of_own_collections_alone(visit, world):
    sam = make_user("sam", password=PASSWORD, is_staff=True)
    mine, theirs = make_collection("Mine"), make_collection("Theirs")
    grant(mine, sam, "steward")
    own, hidden = make_asset(mine), make_asset(theirs)
    with scope.system():
        rows = [ErasureRequest(asset=one.id, collection=one.collection_id) for one in (own, hidden)]
        ErasureRequest.objects.bulk_create(rows)
    log_in(visit, "sam")
    visit.goto(reverse("admin:audit_erasurerequest_changelist"))
    assert visit.get_by_text(str(own.id)).count() == 1
    assert visit.get_by_text(str(hidden.id)).count() == 0
    for one, status in zip(rows, (200, 404), strict=True):
        for name in ("change", "approve", "refuse"):
            address = reverse(f"admin:audit_erasurerequest_{name}", args=[one.id])
            assert visit.request.get(address).status == status, name
    visit.goto(reverse("admin:audit_erasurerequest_new"))
    assert visit.locator("#id_what option").all_inner_texts() == ["One asset"]
