"""A consent from its form to its withdrawal in a browser: what disappears is read before it does.

Pictures at 1280 and 390 px lie in ``build/screenshots/consent``.
"""

from __future__ import annotations

import pytest
from django.urls import reverse

from audit.consents import Terms
from retrieval import scope
from retrieval.models import Asset
from retrieval.services.consents import consent_record
from retrieval.services.linking import subjects_link
from tests.browser.conftest import SCREENSHOTS, log_in
from tests.factories import PASSWORD, grant, make_asset, make_collection, make_subject, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FOLDER = SCREENSHOTS / "consent"
ANN = "ann@example.org"


def shoot(page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=FOLDER / f"{name}-{width}.png", full_page=True)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, f"{name} at {width}"
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_consent_is_recorded_and_withdrawn_by_a_governor(visit, world):
    gwen = make_user("gwen", password=PASSWORD, is_staff=True, is_governor=True)
    collection = make_collection("Portraits", purposes={"search": {"consent": "required"}})
    grant(collection, gwen, "steward")
    subject = make_subject(ANN)
    assets = [make_asset(collection, modality="image") for _ in range(3)]
    consent_record(by=None, subject_id=subject, terms=Terms(purposes=["training"]))
    for asset in assets:
        subjects_link(by=None, asset_id=asset.pk, subject_ids=[subject])
    log_in(visit, "gwen")
    visit.goto(reverse("admin:audit_datasubject_changelist"))
    shoot(visit, "subjects")
    visit.goto(reverse("admin:audit_datasubject_change", args=[subject]))
    assert ANN not in visit.content()
    shoot(visit, "subject")
    visit.get_by_role("link", name="New consent").click()
    assert visit.locator("#id_subject").input_value() == str(subject)
    visit.fill("#id_controller", "Museum Ltd")
    visit.fill("#id_data_categories", "Picture, Voice")
    shoot(visit, "new-consent")
    visit.get_by_role("button", name="See what it would touch").click()
    assert visit.get_by_text("comes back").count() == 3
    shoot(visit, "new-consent-shown")
    visit.get_by_role("button", name="Record it").click()
    assert visit.get_by_text("3 assets are on their way back").count() == 1
    shoot(visit, "consent")
    for asset in assets:
        with scope.system():
            Asset.objects.filter(pk=asset.pk).update(state="searchable")
    visit.get_by_role("link", name="Receipt to print").click()
    visit.get_by_role("button", name="Issue one to print").click()
    assert "Museum Ltd" in visit.locator("#receipt").inner_text()
    shoot(visit, "receipt")
    visit.get_by_role("link", name="Back to the record").click()
    visit.get_by_role("link", name="Withdraw").click()
    visit.get_by_role("button", name="See what it would touch").click()
    assert visit.get_by_text("consent-withdrawn").count() == 3
    shoot(visit, "withdraw-shown")
    visit.get_by_role("button", name="Withdraw it").click()
    assert visit.get_by_text("3 assets are withheld").count() == 1
    with scope.system():
        assert not Asset.objects.filter(state="searchable").exists()
    _look_around(visit, subject, collection)


def _look_around(visit, subject, collection) -> None:
    """Who it is, and the other pages."""
    visit.goto(reverse("admin:audit_datasubject_reveal", args=[subject]))
    visit.fill("#id_reason", "She is on the telephone.")
    visit.get_by_role("button", name="Record the reason and show it").click()
    assert visit.locator("#identifier").inner_text() == ANN
    shoot(visit, "identifier")
    visit.goto(reverse("admin:audit_consentrecord_import"))
    shoot(visit, "import")
    visit.goto(reverse("admin:audit_consentrecord_changelist"))
    shoot(visit, "consents")
    visit.goto(reverse("admin:console_purposes", args=[collection.pk]))
    shoot(visit, "purposes")
    assert visit.errors == []
