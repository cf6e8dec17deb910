"""The console's pages on the ledger: health, verification, and a checkpoint on paper."""

import io
import json

import pytest
import zxingcpp
from django.core.management import call_command
from PIL import Image

from audit import ledger
from audit.checkpoints import checkpoint_now
from audit.models import Checkpoint
from audit.sink_addresses import sink_addresses
from tests.browser.conftest import SCREENSHOTS, log_in
from tests.factories import PASSWORD, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


FOLDER = SCREENSHOTS / "ledger"


def shoot(page, name):
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=FOLDER / f"{name}-{width}.png", full_page=True)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, f"{name} at {width}"
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture
def governed(paths, settings, tmp_path):
    make_user("ada", password=PASSWORD, is_governor=True)
    settings.VITRINE_CHECKPOINT_SINKS = sink_addresses([str(tmp_path / "witness")])
    for number in range(5):
        ledger.record(event="test:thing:happen", actor=None, refs={"thing": str(number)})
    checkpoint_now()
    for number in range(3):
        ledger.record(event="test:thing:happen", actor=None, refs={"thing": str(number)})


def test_the_ledger_is_looked_at_verified_signed_and_printed(visit, governed, tmp_path):
    log_in(visit)
    visit.goto("/console/ledger/")
    visit.get_by_role("heading", name="Health").wait_for()
    shoot(visit, "ledger")
    visit.get_by_role("link", name="Sign a checkpoint now").click()
    visit.get_by_role("button", name="Sign it").click()
    visit.get_by_text("entries is signed").wait_for()
    assert Checkpoint.objects.count() == 2
    visit.get_by_role("link", name="Verify", exact=True).click()
    visit.get_by_text("Entries that hold").wait_for()
    assert "First bad number" not in visit.content()
    shoot(visit, "ledger-verified")
    newest = Checkpoint.objects.first()
    visit.goto(f"/console/ledger/checkpoints/{newest.pk}/")
    visit.get_by_role("img", name="QR code of the signed checkpoint").wait_for()
    shoot(visit, "checkpoint")
    # As a scanner reads it from the screen, or from paper.
    picture = Image.open(io.BytesIO(visit.locator(".vc-code").screenshot()))
    (code,) = zxingcpp.read_barcodes(picture)
    scanned = tmp_path / "scanned.txt"
    scanned.write_text(code.text)
    assert json.loads(code.text) == newest.document
    out = io.StringIO()
    call_command("ledger", "paper", str(scanned), stdout=out)
    assert "1 kept elsewhere" in out.getvalue()
    with visit.expect_download() as download:
        visit.get_by_role("link", name="As a file (JSON)").click()
    assert json.loads(download.value.path().read_text()) == newest.document
    assert visit.errors == []
